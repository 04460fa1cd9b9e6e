--- Modules written in C: refused unless they are allowed by name; and what becomes of a worker
--- whose threads wait in one for ever.

local uv = require "luv"
local database = require "support.database"
local folder = require "support.folder"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

local UNIT = os.getenv("TASKQ_UNIT") or "build/release/taskq-unit"

local HANDLERS = [[
local taskq = require "taskq"
local blocking = require "blocking"

local function note(context, text)
  local file <close> = assert(io.open(context.task.payload.file, "a"))
  assert(file:write(text, "\n"))
end

return {
  {
    type = "block",
    max_attempts = 1,
    handler = function(context)
      note(context, "+" .. context.task.id)
      while context.task.payload.start and not io.open(context.task.payload.start) do
        taskq.sleep(5)
      end
      blocking.until_exists(context.task.payload.gate)
      for _ = 1, 10000 do end -- builds for the thread sanitizer look every 1000 instructions
      note(context, "went on")
    end,
  },
  { type = "quick", handler = function() end },
}
]]

describe("a module written in C", function()
  local queue, handlers

  before_each(function()
    queue = worker.queue()
    handlers = folder.new()
    folder.write(handlers .. "/block.lua", HANDLERS)
    folder.write(handlers .. "/lib/README", "")
    assert(uv.fs_copyfile((UNIT:gsub("[^/]*$", "blocking.so")), handlers .. "/lib/blocking.so"))
  end)

  after_each(function() queue:close() end)

  local function start(flags)
    local all = { "worker", "--handlers", handlers, "--allow-c-module", "blocking" }
    table.move(flags, 1, #flags, #all + 1, all)
    local process = taskq.start(all, { database = queue.url })
    worker.await_log(process, "worker registered ")
    return process
  end

  local function block(gate)
    return queue:enqueue("block", { gate = gate or queue.gate })
  end

  it("is refused unless it is allowed", function()
    local result = taskq.run({ "worker", "--handlers", handlers, "--allow-c-module", "other" },
      { database = queue.url })

    assert.equal(5, result.code)
    assert.matches("module 'blocking' is written in C", result.err, 1, true)
    assert.matches("--allow-c-module blocking", result.err, 1, true)
    assert.equal(5, taskq.run({ "check", "--handlers", handlers }).code)
    assert.equal(0, taskq.run({ "check", "--handlers", handlers, "--allow-c-module",
      "blocking" }).code)
  end)

  it("runs when it is", function()
    queue:open_gate()
    block()
    local process = start {}

    queue:await_count("completed", 1)

    worker.stop(process)
  end)

  it("that comes back is too late: its handler does not go on", function()
    local id = block()
    local process = start { "--stuck-after", "500ms" }
    queue:await_count("failed", 1)

    queue:open_gate()
    worker.await_log(process, "a thread that was stuck came back, and ended")

    assert.same({ "+" .. id }, queue:notes())
    worker.stop(process)
  end)

  local function registrations(process)
    return select(2, process:stderr():gsub("worker registered ", ""))
  end

  it("that holds nine threads makes the worker start again, and go on", function()
    local process = start { "--stuck-after", "500ms", "--threads", "3", "--concurrency", "3" }
    for _ = 1, 9 do
      block(queue.gate .. "/never")
    end

    wait.wait_until(30, function()
      assert(process:is_running(), process:stderr())
      return registrations(process) == 2
    end, "a second registration")
    queue:fill(20, "quick", {})
    queue:await_count("completed", 20)

    assert.equal(9, queue:count("failed"))
    local names = {}
    for name in process:stderr():gmatch("registered worker=(%S+)") do
      names[name] = true -- host and process id
    end
    assert.is_nil(next(names, (next(names))))
    worker.stop(process)
  end)

  it("that holds ten threads makes the worker start again although a task stays in hand", function()
    local process = start { "--stuck-after", "1s", "--threads", "10", "--concurrency", "10",
      "--shutdown-timeout", "0" }
    local never, begin = queue.gate .. "/never", folder.new() .. "/begin"
    local id = queue:enqueue("block", { gate = never, start = begin })
    queue:fill(9, "block", { gate = never, start = begin })
    queue:await_notes(10, "+")
    local locker <close> = database.connect(queue.url)
    locker:query("begin")
    locker:query("select 1 from taskq.worker_tasks where id = $1 for update", id)

    folder.write(begin, "")
    worker.await_log(process, "leaving with tasks in hand")
    wait.wait_until(30, function()
      assert(process:is_running(), process:stderr())
      return registrations(process) == 2
    end, "a second registration")

    locker:query("rollback")
    worker.stop(process)
  end)

  it("does not keep a worker from ending that is about to start again", function()
    local process = start { "--stuck-after", "500ms", "--threads", "3", "--concurrency", "3" }
    for _ = 1, 9 do
      block(queue.gate .. "/never")
    end
    worker.await_log(process, "too many threads are stuck; the process starts again")

    process:kill("sigterm")
    process:wait()

    assert.equal(9, queue:count("failed"))
  end)
end)
