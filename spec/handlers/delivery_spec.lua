--- The sample handlers in the real worker: mail over every kind of connection, reports, and the
--- tasks of the demo.

local cjson = require "cjson"
local uv = require "luv"
local database = require "support.database"
local folder = require "support.folder"
local process = require "support.process"
local taskq = require "support.taskq"
local wait = require "support.wait"

local HANDLERS = uv.cwd() .. "/handlers"
local WELCOME = '{"to":"ada@mail.example","template":"welcome","name":"Zoë","plan":"free"}'

local function run_worker(url, place, env, handlers)
  local result = taskq.run({ "worker", "--until-empty", "--handlers", handlers or HANDLERS },
    { database = url, cwd = place, env = env, timeout = 60 })
  assert.equal(0, result.code, result.err)
end

local function last_task(url)
  return database.query(url, [[
    select status, error, result, attempts from taskq.worker_tasks order by id desc limit 1]])[1]
end

describe("mail of a worker", function()
  local url, place, certificate, key

  setup(function()
    url, place = database.fresh(), folder.new()
    certificate, key = place .. "/certificate.pem", place .. "/key.pem"
    local made = process.run { "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
      "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
      "-addext", "subjectAltName=DNS:localhost" }
    assert.equal(0, made.code, made.err)
  end)

  local function start_sink(mode)
    local sink = process.start { "python3", "spec/support/smtp_sink.py", mode, certificate, key }
    local port = wait.wait_until(30, function()
      return sink:stdout():match("^port (%d+)\n")
    end, "the port of the sink")
    return sink, port
  end

  local function send(smtp_url)
    local enqueued = taskq.run({ "enqueue", "email:send", WELCOME, "--max-attempts", "1" },
      { database = url })
    assert.equal(0, enqueued.code, enqueued.err)
    run_worker(url, place, { SMTP_URL = smtp_url, MAIL_FROM = "Queue <queue@mail.example>" })
    return last_task(url)
  end

  local function letters(sink)
    local list = {}
    for line in sink:stdout():gmatch("({[^\n]+)\n") do
      list[#list + 1] = cjson.decode(line)
    end
    return list
  end

  it("goes to a plain server", function()
    local sink, port = start_sink("none")

    local task = send("smtp://localhost:" .. port)

    assert.equal("completed", task.status, task.error)
    local letter = letters(sink)[1]
    assert.equal("queue@mail.example", letter.from)
    assert.same({ "ada@mail.example" }, letter.to)
    assert.is_string(letter.text:match("\r\n\r\nHello Zo=C3=AB,\r\n"))
    assert.is_false(letter.tls)
  end)

  for mode, scheme in pairs { starttls = "smtp", smtps = "smtps" } do
    it("goes with TLS and a login by " .. mode, function()
      local sink, port = start_sink(mode)
      local at = ("@localhost:%s?ca=%s"):format(port, certificate)

      local task = send(scheme .. "://ada:secret" .. at)

      assert.equal("completed", task.status, task.error)
      assert.is_true(letters(sink)[1].tls)
      assert.is_true(letters(sink)[1].login)

      task = send(scheme .. "://ada:wrong" .. at)
      assert.equal("failed", task.status)
      assert.is_string(task.error:match("535 5%.7%.8 wrong; are user and password"))
    end)

    it("does not go to a server with an unknown certificate by " .. mode, function()
      local sink, port = start_sink(mode)

      local task = send(("%s://localhost:%s"):format(scheme, port))

      assert.equal("failed", task.status)
      assert.is_string(task.error:match("self%-signed certificate; .*%?ca=FILE"))
      assert.same({}, letters(sink))
    end)
  end
end)

describe("the tasks of the demo", function()
  it("end as they say that they will", function()
    local url, place = database.fresh(), folder.new()
    for _, source in ipairs { HANDLERS, uv.cwd() .. "/examples/demo/handlers" } do
      assert.equal(0, process.run({ "cp", "-R", source, place }).code)
    end
    local made = process.run({ "lua5.4", "examples/demo/make-tasks.lua", "--source",
      uv.cwd() .. "/examples/demo/sales.csv", "--expect", place .. "/expected.json" })
    assert.equal(0, made.code, made.err)

    local enqueued = taskq.run({ "enqueue", "--from", "-" }, { database = url, stdin = made.out })
    assert.equal(0, enqueued.code, enqueued.err)
    run_worker(url, place, nil, place .. "/handlers")

    local stats = taskq.run({ "stats", "--json" }, { database = url })
    assert.equal(folder.read(place .. "/expected.json"), stats.out)
    assert.equal(110 + 30, database.value(url, "select count(*) from taskq.task_attempts"))
    local mails = 0
    for _ in uv.fs_scandir_next, uv.fs_scandir(place .. "/outbox") do
      mails = mails + 1
    end
    assert.equal(700, mails)
  end)
end)
