--- taskq.http: what servers see and what handlers get.

local cjson = require "cjson"
local http = require "support.http"
local wait = require "support.wait"
local worker = require "support.worker"

local MALFORMED, NO_CONNECTION, TIMED_OUT, TOO_MANY, NOTHING = 3, 7, 28, 47, 52
local PARTIAL, TOO_LARGE, NO_MEMORY, UNSUPPORTED, NO_HOST = 18, 63, 27, 1, 6

describe("taskq.http", function()
  local queue, process, server

  setup(function()
    queue, server = worker.queue(), http.start()
    process = queue:start({}, { env = { no_proxy = "", http_proxy = "", https_proxy = "" } })
  end)

  teardown(function()
    worker.stop(process)
    queue:close()
  end)

  -- Runs a task to its end; returns its result, or the error of the failed task.
  local function run(kind, payload)
    local id = queue:enqueue(kind, payload, { max_attempts = 1 })
    queue:await(60, "the end of the task",
      "select status in ('completed', 'failed') from taskq.worker_tasks where id = $1", id)
    local task = queue:task(id)
    return task.result and cjson.decode(task.result), task.error
  end

  local function fetch(request, kind)
    if not request.url:find("://", 1, true) then
      request.url = server.url .. request.url
    end
    return assert(run(kind or "http:fetch", { request = request }))
  end

  local function assert_fails(code, pattern, request)
    local result = fetch(request)
    assert.equal(code, result.code, cjson.encode(result))
    assert.matches(pattern, result.message)
  end

  local function header_of(echo, name)
    local values = {}
    for _, header in ipairs(cjson.decode(echo.body).headers) do
      if header[1]:lower() == name then
        values[#values + 1] = header[2]
      end
    end
    return table.concat(values, "|")
  end

  it("sends a method, headers and a body", function()
    local result = fetch {
      url = "/echo/a?b=c", method = "put", body = "two\r\nlines", headers = { ["X-Mine"] = "ä b" },
    }

    local seen = cjson.decode(result.body)
    assert.equal(200, result.status)
    assert.same({ "PUT", "/echo/a?b=c", "two\r\nlines" }, { seen.method, seen.path, seen.body })
    assert.equal("application/json", result.headers["content-type"])
    assert.equal(server.url .. "/echo/a?b=c", result.url)
    assert.equal("", header_of(result, "content-type"))
    assert.equal("", header_of(result, "expect"))
    assert.matches("^taskq/%d", header_of(result, "user-agent"))
  end)

  it("has every form that the manual shows", function()
    local result = assert(run("http:forms", { url = server.url .. "/echo" }))

    assert.equal("GET", result.got)
    assert.same({ "POST", '{"list":[]}' }, { result.posted.method, result.posted.body })
    assert.equal(200, result.nested)
    assert.matches("taskq.http cannot wait inside table.sort", result.where)
    assert.is_true(result.is_view)
    assert.is_nil(result.value)
    assert.is_string(result.reason)
  end)

  for _, method in ipairs { "GET", "POST", "DELETE", "PATCH", "OPTIONS" } do
    it("sends " .. method .. " with and without a body", function()
      for _, body in ipairs { "", "body" } do
        local result = fetch { url = "/echo", method = method, body = body ~= "" and body or nil }
        local seen = cjson.decode(result.body)
        assert.same({ method, body }, { seen.method, seen.body })
      end
    end)
  end

  it("sends HEAD and gets no body", function()
    local result = fetch { url = "/bytes/10", method = "HEAD" }

    assert.same({ 200, "", "10" }, { result.status, result.body, result.headers["content-length"] })
  end)

  it("returns statuses of errors like any other", function()
    for _, status in ipairs { 204, 304, 404, 500 } do
      assert.equal(status, fetch { url = "/status/" .. status }.status)
    end
  end)

  it("joins repeated headers, but for cookies", function()
    local headers = fetch { url = "/headers" }.headers

    assert.equal("a, b", headers["x-twice"])
    assert.same({ "a=1, b", "c=2" }, headers["set-cookie"])
    assert.equal("one two", headers["x-folded"])
    assert.equal("", headers["x-empty"])
  end)

  it("shows the final answer alone", function()
    local result = fetch { url = "/interim" }

    assert.same({ 200, "late", "1" }, { result.status, result.body, result.headers["x-late"] })
    assert.is_nil(result.headers["x-early"])
  end)

  it("decodes what came compressed, within the limit", function()
    assert.equal(5000, #fetch { url = "/gzip/5000" }.body)
    assert_fails(TOO_LARGE, "larger than 4000 bytes", { url = "/gzip/5000", max_bytes = 4000 })
  end)

  it("stops what is too large", function()
    assert.equal(1000, #fetch { url = "/bytes/1000", max_bytes = 1000 }.body)
    assert_fails(TOO_LARGE, "^http: the response of 127.0.0.1:%d+ is larger than 999 bytes",
      { url = "/bytes/1000", max_bytes = 999 })
    assert_fails(TOO_LARGE, "larger than 10485760 bytes", { url = "/endless" })
    assert_fails(TOO_LARGE, "bytes of headers", { url = "/many-headers" })
  end)

  it("follows redirects", function()
    local result = fetch { url = "/hops/5" }

    assert.same({ 200, "end", server.url .. "/hops/0" }, { result.status, result.body, result.url })
    assert_fails(TOO_MANY, "once more after 5 redirects", { url = "/hops/6" })
    assert.equal(302, fetch { url = "/hops/6", max_redirects = 0 }.status)
    assert.equal(302, fetch { url = "/status/302" }.status) -- it does not say where to
    assert_fails(UNSUPPORTED, "redirects to something", { url = "/redirect/302/file:|||etc" })
  end)

  it("keeps or changes the method of a redirect as everybody does", function()
    local cases = {
      { 303, "PUT", "GET" }, { 303, "GET", "GET" }, { 302, "POST", "GET" }, { 301, "POST", "GET" },
      { 302, "PUT", "PUT" }, { 307, "POST", "POST" }, { 308, "PATCH", "PATCH" },
    }
    for _, case in ipairs(cases) do
      local result = fetch {
        url = ("/redirect/%d/|echo"):format(case[1]), method = case[2], body = "body",
        headers = { ["Content-Type"] = "text/plain" },
      }
      local seen, is_kept = cjson.decode(result.body), case[3] ~= "GET"
      assert.same({ case[3], is_kept and "body" or "" }, { seen.method, seen.body })
      assert.equal(is_kept and "text/plain" or "", header_of(result, "content-type"))
    end
  end)

  it("takes no secret to another server", function()
    local other = http.start()
    local headers = { Authorization = "Bearer x", ["X-Api-Key"] = "y", Accept = "text/plain" }
    local away = ("/redirect/307/http:||127.0.0.1:%s|echo"):format(other.port)
    local with_login = "http://ada:secret@127.0.0.1:" .. server.port

    local same = fetch { url = "/redirect/307/|echo", headers = headers }
    local elsewhere = fetch { url = away, headers = headers }
    local logged_in = fetch { url = with_login .. "/redirect/302/|echo" }
    local logged_out = fetch { url = with_login .. away }

    assert.equal("Bearer x", header_of(same, "authorization"))
    assert.equal("y", header_of(same, "x-api-key"))
    assert.equal("", header_of(elsewhere, "authorization") .. header_of(elsewhere, "x-api-key"))
    assert.equal("text/plain", header_of(elsewhere, "accept"))
    assert.equal("Basic YWRhOnNlY3JldA==", header_of(logged_in, "authorization"))
    assert.equal(server.url .. "/echo", logged_in.url)
    assert.equal("", header_of(logged_out, "authorization"))
    other.process:kill("sigterm")
  end)

  it("says in plain words why there is no answer", function()
    local port = http.start()
    port.process:kill("sigkill")
    port.process:wait()

    assert_fails(NO_CONNECTION, "^http: cannot connect to 127.0.0.1:%d+: Connection refused$",
      { url = port.url })
    assert_fails(NO_HOST, "^http: nowhere.invalid:80: the name is unknown",
      { url = "http://nowhere.invalid/" })
    assert_fails(NOTHING, "it closed the connection without an answer$", { url = "/closed" })
    assert_fails(PARTIAL, "broke off before the end of the body", { url = "/cut" })
    assert_fails(UNSUPPORTED, "no answer in HTTP", { url = "/nonsense" })
    assert_fails(MALFORMED, "this is not a URL", { url = "http://a b/" })
    assert_fails(UNSUPPORTED, "neither http:// nor https://", { url = "file:///etc/passwd" })
  end)

  it("gives up after its timeout", function()
    wait.assert_below(3 * wait.factor, function(try)
      local started = wait.now()
      assert_fails(TIMED_OUT, "did not answer within 1000 ms; 0 bytes",
        { url = "/silent/a", timeout = 1000 })
      assert_fails(TIMED_OUT, "did not answer within 1000 ms; 4 bytes",
        { url = "/half/a", timeout = 1000 })
      server:await_left(2 * try)
      return wait.now() - started - 2
    end)
  end)

  it("names the argument that is wrong", function()
    local cases = {
      [{}] = "url: is missing",
      [{ url = 5 }] = "url: must be a string, not number",
      [{ url = "u", header = {} }] = 'header: there is no such argument %(did you mean "headers"',
      [{ url = "u", method = "GET /" }] = "method: ",
      [{ url = "u", headers = { ["a b"] = "c" } }] = 'headers%["a b"%]: is no name',
      [{ url = "u", headers = { a = "b\r\nc: d" } }] = 'headers%["a"%]: must not contain a newline',
      [{ url = "u", headers = { a = { "b" } } }] = 'headers%["a"%]: must be a string or a number',
      [{ url = "u", headers = { Connection = "x" } }] = 'headers%["Connection"%]: this field',
      [{ url = "u", body = "b", json = 1 }] = "json: cannot be sent together with body",
      [{ url = "u", body = 5 }] = "body: must be a string, not number",
      [{ url = "u", timeout = 0 }] = "timeout: must be a number from 1",
      [{ url = "u", max_redirects = -1 }] = "max_redirects: must be a number from 0 to 100",
      [{ url = "u", ca = "a\n" }] = "ca: must not contain control characters",
    }
    for request, pattern in pairs(cases) do
      local message = run("http:misuse", { request = request })
      assert.matches("^%S+/http%.lua:57: taskq.http: " .. pattern, message)
    end
  end)

  it("charges the response to the task", function()
    local fits = fetch({ url = "/bytes/1000000" }, "http:little_memory")
    local result = fetch({ url = "/bytes/5000000" }, "http:little_memory")

    assert.equal(1000000, fits.body)
    assert.equal(NO_MEMORY, result.code)
    assert.matches("needs more memory than the task may have", result.message)
  end)
end)
