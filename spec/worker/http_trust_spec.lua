--- taskq.http with TLS and through proxies.

local cjson = require "cjson"
local http = require "support.http"
local worker = require "support.worker"

local UNTRUSTED, NO_FILE = 60, 77

describe("taskq.http", function()
  local queue, certificate, key, server

  setup(function()
    queue = worker.queue()
    certificate, key = http.certificate()
    server = http.start(certificate, key)
  end)

  teardown(function()
    queue:close()
  end)

  local function fetch(request, env)
    local id = queue:enqueue("http:fetch", { request = request }, { max_attempts = 1 })
    queue:drain({}, { env = env or {} })
    return cjson.decode(queue:task(id).result)
  end

  it("trusts the certificates that it is told to trust", function()
    local result = fetch { url = server.url .. "/status/200", ca = certificate }

    assert.same({ 200, "as asked" }, { result.status, result.body })
  end)

  it("does not trust anybody else", function()
    local before = #server:seen()
    local unknown = fetch { url = server.url .. "/status/200" }
    local other = fetch { url = server.url .. "/status/200", ca = http.certificate() }
    local wrong_name = fetch { url = server.url:gsub("localhost", "127.0.0.1"), ca = certificate }
    local no_file = fetch { url = server.url, ca = "/nowhere" }

    for _, result in ipairs { unknown, other, wrong_name } do
      assert.equal(UNTRUSTED, result.code)
      assert.matches("^http: [%w.]+:%d+: its certificate is not trusted", result.message)
    end
    assert.equal(NO_FILE, no_file.code)
    assert.equal(before, #server:seen())
  end)

  it("trusts nobody but those, not even whom the system trusts", function()
    local result = fetch({ url = server.url .. "/status/200", ca = http.certificate() },
      { SSL_CERT_FILE = certificate })

    assert.equal(UNTRUSTED, result.code)
  end)

  it("uses the proxy of the request, of the environment, or none", function()
    local proxy, plain = http.start(), http.start()
    local url = plain.url .. "/echo"
    local by_variable = { http_proxy = proxy.url, no_proxy = "" }

    local through = fetch { url = "http://far.invalid/echo", proxy = proxy.url }
    local by_environment = fetch({ url = "http://far.invalid/echo" }, by_variable)
    local direct = fetch({ url = url, proxy = "" }, by_variable)
    local excluded = fetch({ url = url }, { http_proxy = proxy.url, no_proxy = "127.0.0.1" })

    for _, result in ipairs { through, by_environment, direct, excluded } do
      assert.equal(200, result.status, result.message)
    end
    assert.same({ 2, 2 }, { #proxy:seen(), #plain:seen() })
    assert.equal("http://far.invalid/echo", proxy:seen()[1].path)
  end)
end)
