--- What is printed, whatever tasks are called and say: nothing of it steers the terminal.

local json = require "cjson"
local process = require "support.process"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

-- Escape, bell, backspace, carriage return, delete, and two control characters of eight bits.
local BAD = "\27[31m\7\8\r\127\u{9b}31m\u{85}"

--- The control characters in a text, but tabs and newlines.
local function controls(text)
  local found = {}
  for character in text:gmatch("[\0-\8\11-\31\127]") do
    found[#found + 1] = ("%02x"):format(character:byte())
  end
  for _ in text:gmatch("\xc2[\x80-\x9f]") do
    found[#found + 1] = "of eight bits"
  end
  return found
end

describe("what a terminal gets", function()
  local queue, id, events, log

  setup(function()
    queue = worker.queue()
    queue.db:query("select setval('taskq.heard_until', 0)")
    events = taskq.start({ "events", "--follow" }, { database = queue.url })
    queue:await(30, "somebody to follow", "select last_value > 0 from taskq.heard_until")
    local code = ("print(%q) error(%q)"):format(BAD, BAD .. "\n\tand more")
    id = queue:enqueue("code", { code = code }, { max_attempts = 1 })
    queue:enqueue("nobody" .. BAD .. "\n")
    local result = taskq.run({ "worker", "--handlers", "spec/fixtures/handlers/worker",
      "--until-idle" }, { database = queue.url, timeout = 60 })
    assert.equal(0, result.code, result.err)
    log = result.err
    wait.wait_until(30, function() return events:stdout():match("failed[^\n]*\n") end, "its event")
  end)

  teardown(function()
    events:kill("sigterm")
    events:wait()
    queue:close()
  end)

  local function run(...)
    local result = taskq.run({ ... }, { database = queue.url })
    assert.equal(0, result.code, result.err)
    return result.out
  end

  for _, arguments in ipairs { { "stats" }, { "list" }, { "show" } } do
    for _, form in ipairs { "text", "json" } do
      it(("has no control characters from taskq %s, %s"):format(arguments[1], form), function()
        local argv = { arguments[1] }
        argv[#argv + 1] = argv[1] == "show" and ("%d"):format(id) or nil
        argv[#argv + 1] = form == "json" and "--json" or nil

        local text = run(table.unpack(argv))

        assert.same({}, controls(text))
        assert.is_true(form == "text" or json.decode(text) ~= nil)
      end)
    end
  end

  it("has none from taskq events, nor from the log", function()
    assert.same({}, controls(events:stdout()))
    assert.same({}, controls(log))
    assert.matches("nobody\\u001b%[31m\\u0007\\u0008\\u000d\\u007f\\u009b31m\\u0085\\n",
      events:stdout())
  end)

  it("has a type on one line", function()
    assert.matches("  nobody\\u001b%[31m[^\n]*\\u0085\\n\n", run("list"))
    assert.matches("  nobody\\u001b[^\n]*\\u0085\\n, oldest due ", run("stats"))
  end)

  it("has the lines and tabs of an error", function()
    assert.matches("\nerror +%S+ \\u001b[^\n]*\n +\tand more\n", run("show", ("%d"):format(id)))
  end)

  it("has none in an error of ours", function()
    local result = process.run({ taskq.program, "list", "--status", BAD })

    assert.equal(2, result.code)
    assert.same({}, controls(result.err))
  end)

  it("is told when the output of taskq events cannot be written", function()
    local full = process.start({ "/bin/sh", "-c", 'exec "$0" events --follow >/dev/full',
      taskq.program }, { env = { DATABASE_URL = queue.url } })
    wait.wait_until(30, function()
      queue:enqueue("nobody")
      return not full:is_running()
    end, "its end")

    assert.equal(1, full:wait())
    assert.equal("taskq: cannot write the output: No space left on device\n", full:stderr())
  end)
end)
