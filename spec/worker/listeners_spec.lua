--- Listeners: which events they are told, when, and what they cannot harm.

local cjson = require "cjson"
local uv = require "luv"
local proxy = require "support.proxy"
local wait = require "support.wait"
local worker = require "support.worker"

local FOLDER = { "--handlers", uv.cwd() .. "/spec/fixtures/handlers/listening" }
local HANDLERS = { "--threads", "1", table.unpack(FOLDER) } -- events are told in order by a thread

describe("a listener", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  -- What was noted by the first listener of each event, or by all of them; created_spec is about
  -- new tasks.
  local function notes(with_extra)
    local list = {}
    for _, line in ipairs(queue:notes()) do
      local note = cjson.decode(line)
      if note.event ~= "worker-task:created" and (with_extra or not note.extra) then
        list[#list + 1] = note
      end
    end
    return list
  end

  local function events(with_extra)
    local list = {}
    for i, note in ipairs(notes(with_extra)) do
      list[i] = note.event:gsub("^worker%-task:", "") .. (note.extra and " " .. note.extra or "")
    end
    return list
  end

  local function await_event(name, count)
    wait.wait_until(30, function()
      local found = 0
      for _, event in ipairs(events(true)) do
        found = found + (event == name and 1 or 0)
      end
      return found >= (count or 1)
    end, name)
  end

  it("is told that a task started, and that it completed", function()
    local id = queue:enqueue("hear:succeed", { n = 7 })

    queue:drain { "--worker-id", "ada", table.unpack(HANDLERS) }

    assert.same({ "started", "completed" }, events())
    local started, completed = table.unpack(notes())
    assert.equal("ada", started.worker_id)
    assert.equal(id, started.id)
    assert.equal("hear:succeed", completed.type)
    assert.same({ n = 7 }, completed.result)
    assert.same({ 1, 3 }, { completed.attempts, completed.max_attempts })
    local whole = queue.db:value([[
      select extract(epoch from finished_at - started_at)::float8 * 1000
      from taskq.worker_tasks where id = $1]], id)
    assert.is_true(completed.duration >= 20 and completed.duration <= whole + 1, -- two clocks
      completed.duration)
    assert.is_nil(completed.error)
  end)

  it("is told that a task completed whose handler said something", function()
    queue:enqueue("hear:say")

    queue:drain(HANDLERS)

    assert.same({ "started", "completed" }, events())
    assert.same({ n = 1 }, notes()[2].result)
  end)

  it("is told of each failed attempt whether another one follows", function()
    queue:enqueue("hear:fail")

    queue:drain(HANDLERS)

    assert.same({ "started", "failed", "started", "failed" }, events())
    local _, first, _, last = table.unpack(notes())
    assert.is_true(first.will_retry)
    assert.is_false(last.will_retry)
    assert.same({ 1, 2 }, { first.attempts, last.attempts })
    assert.equal("error", last.error.kind)
    assert.matches("tasks%.lua:%d+: boom$", last.error.message)
    assert.matches("^stack traceback:\n", last.error.traceback)
  end)

  it("is told that a task was discarded, without a traceback", function()
    queue:enqueue("hear:give_up")

    queue:drain(HANDLERS)

    local failed = notes()[2]
    assert.is_false(failed.will_retry)
    assert.same({ message = "no use", kind = "failure" }, failed.error)
  end)

  it("is not told that a task snoozed", function()
    queue:enqueue("hear:snooze")

    queue:drain(HANDLERS)

    assert.same({ "started", "started", "completed" }, events())
  end)

  it("is not told that a task was cancelled, or given back", function()
    local cancelled = queue:enqueue("hear:endless")
    queue:enqueue("hear:endless")
    local process = queue:start(HANDLERS)
    await_event("started", 2)

    queue.db:query("select taskq.cancel($1)", cancelled)
    queue:await_count("cancelled", 1)
    process:kill("sigterm")
    worker.await_log(process, "draining")
    process:kill("sigterm")
    assert.equal(6, process:wait(), process:stderr())

    assert.equal(1, queue:count("pending"))
    assert.same({ "started", "started" }, events())
  end)

  it("runs on the thread that ran the task", function()
    for n = 1, 20 do
      queue:enqueue("hear:succeed", { n = n })
    end

    queue:drain { "--threads", "3", "--concurrency", "6", table.unpack(FOLDER) }

    local completed = 0
    for _, note in ipairs(notes()) do
      if note.event == "worker-task:completed" then
        completed = completed + 1
        assert.is_true(note.is_same_thread)
      end
    end
    assert.equal(20, completed)
  end)

  it("is told after the outcome is committed", function()
    local locked = queue:enqueue("hear:succeed", { gate = queue.gate, n = 1 })
    local process = queue:start(HANDLERS)
    await_event("started")
    queue.db:query("begin; select from taskq.worker_tasks_live where id = $1 for update", locked)
    queue:open_gate()
    local other = worker.queue(queue.url)
    other.file = queue.file
    other:enqueue("hear:succeed", { n = 2 })

    await_event("completed") -- of the second task, which began later
    local first = notes()
    queue.db:query("commit")
    await_event("completed", 2)

    assert.equal(2, first[#first].result.n)
    assert.equal(1, notes()[#notes()].result.n)
    worker.stop(process)
    other:close()
  end)

  it("is told once when the connection breaks before the answer", function()
    local middle = proxy.new(queue.url)
    local process = queue:start(HANDLERS, { url = middle.url })
    queue:enqueue("hear:succeed", { gate = queue.gate, n = 1 })
    queue:enqueue("hear:give_up")
    await_event("started", 2)
    await_event("failed")

    middle:mute("taskq completion")
    queue:open_gate()
    queue:await_count("completed", 1)
    middle:cut("taskq completion")
    await_event("completed")
    middle:mute("taskq completion")
    queue:enqueue("hear:give_up")
    queue:await_count("failed", 2)
    middle:cut("taskq completion")
    await_event("failed", 2)

    worker.stop(process)
    local counts = {}
    for _, event in ipairs(events()) do
      counts[event] = (counts[event] or 0) + 1
    end
    assert.same({ started = 3, completed = 1, failed = 2 }, counts)
    middle:close()
  end)

  it("that fails is logged, and the next one is told", function()
    queue:enqueue("hear:succeed", { on = "completed", act = "fail" })

    local log = queue:drain(HANDLERS).err

    assert.same({ "started", "started second", "completed", "completed second" }, events(true))
    assert.matches("error listener a listener failed event=worker%-task:completed "
      .. "file=%S+/listeners/notes%.lua task=1 type=hear:succeed attempt=1 kind=error "
      .. 'error="[^"]*notes%.lua:%d+: the listener fails"', log)
    queue:assert_completed(1)
  end)

  it("that does not end is stopped, and holds nothing up", function()
    queue:enqueue("hear:succeed", { on = "started", act = "loop" })
    local process = queue:start(HANDLERS)

    queue:await_count("completed", 1)
    queue:enqueue("hear:succeed", { n = 2 })
    queue:await_count("completed", 2)
    assert.is_nil(process:stderr():find("a listener failed", 1, true)) -- its time is not up
    worker.await_log(process, "a listener failed")

    assert.matches("kind=timeout error=\"timeout: the listener ran longer than 5000 ms\"",
      process:stderr())
    worker.stop(process)
  end)

  it("that holds its thread is lost with it, and holds nothing up", function()
    queue:enqueue("hear:succeed", { on = "completed", act = "stick" })
    local process = queue:start { "--stuck-after", "500ms", table.unpack(HANDLERS) }

    worker.await_log(process, "a listener was lost with its thread event=worker-task:completed ")
    queue:enqueue("hear:succeed", { n = 2 })
    await_event("completed second")

    assert.same({ "started", "started second", "completed", "started", "started second",
      "completed", "completed second" }, events(true))
    queue:assert_completed(2)
    worker.stop(process)
  end)

  it("may wait", function()
    queue:enqueue("hear:succeed", { on = "completed", act = "wait" })

    queue:drain(HANDLERS)

    assert.same({ "started", "started second", "completed", "completed waited",
      "completed second" }, events(true))
  end)

  it("is told of what ends while the worker drains, before it leaves", function()
    queue:enqueue("hear:succeed", { gate = queue.gate, on = "completed", act = "wait" })
    local process = queue:start(HANDLERS)
    await_event("started")

    process:kill("sigterm")
    worker.await_log(process, "draining")
    queue:open_gate()

    assert.equal(0, process:wait(), process:stderr())
    assert.same({ "started", "completed", "completed waited" },
      { events(true)[1], events(true)[3], events(true)[4] })
  end)

  it("is stopped when the worker must leave", function()
    queue:enqueue("hear:succeed", { on = "started", act = "loop", is_twice = true }) -- 12 s
    local process = queue:start { "--shutdown-timeout", "1", table.unpack(HANDLERS) }
    await_event("completed") -- the worker knows that it is

    process:kill("sigterm")

    assert.equal(0, process:wait(), process:stderr())
    assert.matches("listeners are stopped, and are not told of all events", process:stderr())
  end)
end)
