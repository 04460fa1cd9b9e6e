--- A worker on the private database, whose server dies under it.

local folder = require "support.folder"
local keeper = require "support.keeper"
local private = require "support.private"
local taskq = require "support.taskq"
local uv = require "luv"
local wait = require "support.wait"
local worker = require "support.worker"

local LINGER = { TASKQ_PRIVATE_LINGER = "300ms" }

describe("a worker on the private database", function()
  local cwd, place, running

  before_each(function()
    cwd = folder.new()
    place = cwd .. "/.taskq/pg"
    local arguments = { "enqueue", "note", ('{"file": "%s/notes"}'):format(cwd), "--in", "2s" }
    local made = taskq.run(arguments, { cwd = cwd, env = LINGER, timeout = 120 })
    assert.equal(0, made.code, made.err)
    running = {}
  end)
  after_each(function()
    for _, process in ipairs(running) do
      worker.stop(process)
    end
    keeper.await_end(place)
  end)

  local function start()
    local process = taskq.start({ "worker", "--handlers", worker.HANDLERS },
      { cwd = cwd, env = LINGER })
    running[#running + 1] = process
    worker.await_log(process, "worker registered ")
    return process
  end

  local function kill_keeper()
    local pid = wait.wait_until(30, function() return keeper.pid(place) end, "a keeper")
    uv.kill(pid, "sigkill") -- unless it has just ended, which is as good
    private.await_end({ pid })
    return pid
  end

  local function await_note()
    wait.wait_until(30, function()
      return uv.fs_stat(cwd .. "/notes")
    end, function() return "the task to run; " .. running[1]:stderr() end)
  end

  it("has its keeper and its server started again, and goes on", function()
    local process = start()

    local old = kill_keeper()

    await_note()
    worker.await_log(process, "database connected again connection=\"taskq control\"")
    assert.is_true(keeper.pid(place) ~= old)
  end)

  it("has them started once, however many need them", function()
    start()
    start()

    for _ = 1, 3 do
      kill_keeper()
    end

    await_note()
    for _, process in ipairs(running) do
      assert.is_nil(process:stderr():find("cannot be started again", 1, true), process:stderr())
    end
  end)
end)
