--- Answers of the database that never arrive: what they said is true nevertheless.

local proxy = require "support.proxy"
local worker = require "support.worker"

local COUNT = 10

describe("when an answer is lost", function()
  local queue, middle

  before_each(function()
    queue = worker.queue()
    middle = proxy.new(queue.url)
  end)
  after_each(function()
    middle:close()
    queue:close()
  end)

  -- A worker behind the proxy that has run a task, and so knows the lane.
  local function start(...)
    local process = queue:start({ "--concurrency", "20", "--poll-interval", "1s", ... },
      { url = middle.url })
    queue:enqueue("note")
    queue:await_count("completed", 1)
    return process
  end

  -- The tasks are claimed, and the worker does not know.
  local function lose_claim()
    local notes = queue:notes()
    middle:mute_from("taskq claim", queue.file) -- which is in their payload
    queue:fill(COUNT, "note")
    queue:await_count("running", COUNT)
    assert.same(notes, queue:notes())
  end

  it("the tasks that it claimed are given back, and run", function()
    local process = start()
    lose_claim()

    middle:cut("taskq claim")
    queue:await_count("completed", COUNT + 1)

    assert.same({ COUNT + 1, COUNT + 1 }, { queue:runs() })
    assert.equal(COUNT, queue.db:value([[
      select count(*) from taskq.worker_tasks where attempts = 1 and claims >= 2]]))
    worker.stop(process)
  end)

  it("the tasks that it claimed are given back also when a pooler hides its backend", function()
    local process = start("--pooler", "transaction") -- which is only said
    local gated = queue:enqueue("note", { gate = queue.gate })
    queue:await_notes(2, "+")
    local before = queue:task(gated).worker_id
    lose_claim()

    middle:cut("taskq claim")
    queue:await_count("completed", COUNT + 1)
    queue:open_gate()
    queue:await_count("completed", COUNT + 2)

    assert.same({ COUNT + 2, COUNT + 2 }, { queue:runs() })
    assert.equal(COUNT, queue.db:value([[
      select count(*) from taskq.worker_tasks where attempts = 1 and claims >= 2]]))
    assert.equal(before, queue:task(gated).worker_id) -- held under the old id, and written
    assert.equal(0, queue.db:value(
      "select count(*) from taskq.worker_tasks where claims >= 2 and worker_id = $1", before))
    worker.stop(process)
  end)

  it("the tasks that it claimed are given back though the worker stops", function()
    local process = start()
    lose_claim()

    process:kill("sigterm")
    worker.await_log(process, "draining")
    middle:cut("taskq claim")

    assert.equal(0, process:wait(), process:stderr())
    assert.equal(0, queue:count("running"))
    assert.equal(COUNT, queue:count("pending"))
    assert.equal(0, queue.db:value("select sum(attempts) from taskq.worker_tasks_live"))
  end)

  it("the outcome that it confirmed is not written twice", function()
    local process = start()
    local id = queue:enqueue("note", { gate = queue.gate })
    queue:await_notes(2, "+")

    middle:mute("taskq completion")
    queue:open_gate()
    queue:await_count("completed", 2)
    local finished = queue:task(id)
    middle:cut("taskq completion")
    worker.stop(process)

    assert.same(finished, queue:task(id))
    queue:assert_completed(2)
    assert.matches("stopped completed=2 failed=0 retried=0 given_back=0 lost=0", process:stderr())
  end)

  it("the failure that it confirmed is known to be written", function()
    local process = start()

    middle:mute("taskq completion")
    local id = queue:enqueue("fail:discard")
    queue:await_count("failed", 1)
    middle:cut("taskq completion")
    worker.stop(process)

    assert.equal(1, queue.db:value("select count(*) from taskq.task_attempts where task_id = $1",
      id))
    assert.matches("error worker task failed task=" .. id, process:stderr())
    assert.matches("stopped completed=1 failed=1 retried=0 given_back=0 lost=0", process:stderr())
  end)

  it("the lease goes on", function()
    local process = start()

    middle:mute("taskq control")
    queue:await(30, "a renewal",
      "select lease_until > started_at + interval '20.5 s' from taskq.workers")
    middle:cut("taskq control")
    queue:fill(COUNT, "note")
    queue:await_count("completed", COUNT + 1)

    assert.equal(1, queue.db:value("select count(*) from taskq.workers"))
    worker.stop(process)
    assert.is_nil(process:stderr():find("the lease is lost", 1, true))
  end)
end)
