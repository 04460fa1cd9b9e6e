--- taskq dev: what somebody sees who is writing handlers.

local folder = require "support.folder"
local process = require "support.process"
local site = require "support.site"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

-- Runs a program on a terminal of its own, as the second argument says; copies what it writes.
local PTY = [[
import os, pty, sys
code = pty.spawn(sys.argv[1:], lambda fd: os.read(fd, 65536))
sys.exit(os.waitstatus_to_exitcode(code))]]

describe("taskq dev", function()
  local place, dev

  before_each(function() place = site.new {} end)

  after_each(function()
    if dev:is_running() then
      dev:kill("sigint")
      assert.equal(0, dev:wait(), dev:stderr())
    end
    place:close()
  end)

  local function start(flags)
    local arguments = { "dev", "--handlers", place.folder }
    table.move(flags or {}, 1, #(flags or {}), 4, arguments)
    dev = taskq.start(arguments, { database = place.queue.url })
  end

  local function await(text)
    worker.await_log(dev, text)
  end

  local function await_registered()
    wait.wait_until(30, function()
      return place.queue.db:value("select count(*) = 1 from taskq.workers")
    end, "the worker to register")
  end

  it("says which database it works with, and what each task came to", function()
    place:write("a.lua", [[
return {
  type = "a",
  handler = function(context)
    local name = context.task.payload.name
    return { greeting = "hello " .. name }
  end,
}]])
    start()
    await(place.queue.url:match("/([%w_]+)%?") .. "  handlers=" .. place.folder)

    place.queue:enqueue("a", '{"name": "Ada"}')
    await('task completed  task=')
    await('result={"greeting":"hello Ada"}')

    place.queue:enqueue("a", "{}", { max_attempts = 1 })
    await("  X  task failed  task=")
    local message = "a.lua:5: attempt to concatenate a nil value (local 'name')\n"
    await(message .. "                   | return { greeting = \"hello \" .. name }\n")
    assert.is_nil(dev:stderr():find("\27", 1, true)) -- no colours: it is no terminal
  end)

  it("starts with handlers that do not load, and waits for better ones", function()
    folder.remove(place.folder)
    start()
    await("  X  handlers not loaded: there are none yet  generation=1\n                 "
      .. "cannot read the folder " .. place.folder)

    place:write("notes.txt", "soon")
    await("there is no handler in " .. place.folder)
    place:write("a.lua", "return {\n  type = = 'a',\n}\n")
    await("a.lua:2: unexpected symbol near '='\n                   | type = = 'a',\n")
    place:write("a.lua", site.handler("a", "'here'"))
    await("handlers reloaded  generation=2  types=1  changed=new: a.lua")

    local id = place.queue:enqueue("a")
    place.queue:await_count("completed", 1)
    assert.equal('"here"', place.queue:task(id).result)
  end)

  it("says what changed", function()
    place:write("a.lua", site.handler("a", "'a'"))
    place:write("b.lua", site.handler("b", "'b'"))
    start()
    await_registered()

    dev:kill("sigstop") -- it sees all of this at one moment
    place:write("a.lua", site.handler("a", "'other'"))
    place:remove("b.lua")
    place:write("lib/c.lua", "return 1")
    dev:kill("sigcont")
    await("changed=a.lua, new: lib/c.lua, gone: b.lua")
  end)

  it("ends at ^C within a second, whatever runs", function()
    place:write("a.lua", site.handler("a", "'a'"))
    local id = place.queue:enqueue("a", { gate = place.queue.gate })

    wait.assert_below(2 * wait.factor, function(try)
      start()
      place.queue:await_notes(try, "+")
      dev:kill("sigint")
      local interrupted = wait.now()
      dev:wait()
      assert.equal("pending", place.queue:task(id).status)
      return wait.now() - interrupted
    end)
  end)

  it("ends when its terminal goes", function()
    place:write("a.lua", site.handler("a", "'a'"))
    start()
    await_registered()

    dev:kill("sighup")

    assert.equal(0, dev:wait(), dev:stderr())
  end)

  it("writes the worker's forms of the log too", function()
    place:write("a.lua", site.handler("a", "'a'"))
    start { "--log-format", "json" }
    await('"level":"info","area":"worker","message":"started"')
  end)

  describe("on a terminal", function()
    local function run(env)
      place:write("a.lua", site.handler("a", "'a'"))
      env.DATABASE_URL = place.queue.url
      env.TERM = env.TERM or "xterm"
      place.queue:enqueue("a")
      dev = process.start({ "/usr/bin/python3", "-c", PTY, taskq.program, "dev", "--until-empty",
        "--handlers", place.folder }, { env = env })
      assert.equal(0, dev:wait(), dev:stdout())
      return dev:stdout()
    end

    it("has colours", function()
      local text = run {}

      assert.is_number(text:find("\27[2m  task=\27[0m", 1, true), text)
    end)

    it("has none with NO_COLOR", function()
      local text = run { NO_COLOR = "1" }

      assert.is_nil(text:find("\27", 1, true))
      assert.is_number(text:find("task completed  task=", 1, true), text)
    end)

    it("has none where it is dumb", function()
      assert.is_nil(run { TERM = "dumb" }:find("\27", 1, true))
    end)
  end)
end)
