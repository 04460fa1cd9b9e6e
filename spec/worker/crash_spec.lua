--- Workers that die or freeze: others take their tasks over, and what comes back from the dead
--- changes nothing.

local worker = require "support.worker"

local LEASE = { "--lock-duration", "2s" }

describe("the tasks of a worker", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  it("that was killed are finished by the next one, once each", function()
    queue:fill(2980, "note", { ms = 1 })
    queue:fill(20, "note", { gate = queue.gate }) -- so that it cannot end before it is killed
    local process = queue:start { "--concurrency", "20" }
    queue:await_notes(500, "-")
    queue:kill(process)
    local running = queue:count("running")
    assert.is_true(running > 0)

    queue:open_gate()
    queue:drain { "--concurrency", "20" }

    queue:assert_completed(3000)
    local runs, tasks = queue:runs()
    assert.equal(3000, tasks)
    assert.is_true(runs - tasks <= running)
    assert.equal(running, queue.db:value(
      "select count(*) from taskq.task_attempts where kind = 'lease expired'"))
  end)

  it("that was killed fail when no attempt is left", function()
    local id = queue:enqueue("note", { gate = queue.gate }, { max_attempts = 1 })
    local process = queue:start()
    queue:await_notes(1, "+")
    queue:kill(process)

    queue:drain()

    local task = queue:task(id)
    assert.equal("failed", task.status)
    assert.equal("the worker that ran this task is gone", task.error)
    assert.equal("lease expired", queue.db:value("select kind from taskq.task_attempts"))
  end)

  it("that was killed are cancelled when that was asked for", function()
    local id = queue:enqueue("note", { gate = queue.gate })
    local process = queue:start()
    queue:await_notes(1, "+")
    queue:kill(process)

    assert.equal("requested", queue.db:value("select taskq.cancel($1)", id))
    process = queue:start(LEASE)

    queue:await_count("cancelled", 1)
    queue:await(30, "the request to go", "select count(*) = 0 from taskq.cancel_requests")
    worker.stop(process)
  end)

  it("that died with their last attempts, which nobody knew, fail without another run", function()
    local id = queue:enqueue("fail:twice") -- rescued by a worker that has no handler for it
    queue.db:query("update taskq.worker_tasks_live set attempts = 2, claims = 2 where id = $1", id)

    queue:drain()

    local task = queue:task(id)
    assert.equal("failed", task.status)
    assert.same({ 2, 2, 3 }, { task.attempts, task.max_attempts, task.claims })
    assert.equal("the worker that ran the last attempt is gone", task.error)
    assert.equal("lease expired", queue.db:value("select kind from taskq.task_attempts"))
  end)

  it("that was killed are left alone until its lease is over", function()
    queue:enqueue("note", { gate = queue.gate })
    local process = queue:start(LEASE)
    queue:await_notes(1, "+")
    process:kill("sigkill")
    process:wait()
    queue:await_no_sessions()
    local lease_until = queue.db:value("select lease_until::text from taskq.workers")

    queue:open_gate()
    queue:drain(LEASE)

    assert.is_true(queue.db:value(
      "select started_at >= $1::timestamptz from taskq.worker_tasks", lease_until))
  end)

  it("that froze are its own no more", function()
    local id = queue:enqueue("note", { gate = queue.gate })
    local frozen = queue:start { "--worker-id", "frozen", table.unpack(LEASE) }
    queue:await_notes(1, "+")
    frozen:kill("sigstop")

    local other = queue:start { "--lock-duration", "6s" }
    queue:await_notes(2, "+") -- taken over
    local owner = queue:task(id).worker_id
    frozen:kill("sigcont")
    worker.await_log(frozen, "the lease is lost")
    queue:open_gate()
    queue:await_count("completed", 1)

    local task = queue:task(id)
    assert.equal(owner, task.worker_id)
    assert.equal('{"attempt": 2}', task.result)
    assert.equal(2, task.claims)
    queue:assert_completed(1)
    worker.stop(other)
    worker.stop(frozen)
    queue:assert_completed(1)
  end)

  it("are its own no more though they ended while it was frozen", function()
    local id = queue:enqueue("note", { gate = queue.gate })
    local frozen = queue:start(LEASE)
    queue:await_notes(1, "+")
    frozen:kill("sigstop")
    queue:open_gate() -- its handler finishes at once when it thaws

    queue:drain(LEASE)
    local finished = queue:task(id)
    frozen:kill("sigcont")
    worker.await_log(frozen, "the lease is lost")
    worker.stop(frozen)

    assert.same(finished, queue:task(id))
    queue:assert_completed(1)
  end)

  it("that froze go on with a new lease", function()
    queue:enqueue("note", { gate = queue.gate })
    local frozen = queue:start(LEASE)
    queue:await_notes(1, "+")
    local before = queue.db:value("select id from taskq.workers")
    frozen:kill("sigstop")
    queue:await(30, "the end of the lease", "select lease_until < now() from taskq.workers")
    frozen:kill("sigcont")
    queue:open_gate()

    queue:await_count("completed", 1)
    local id = queue:enqueue("noop")
    queue:await(30, "the next task",
      "select status = 'completed' from taskq.worker_tasks where id = $1", id)

    assert.not_equal(before, queue:task(id).worker_id)
    worker.stop(frozen)
    queue:assert_completed(2)
  end)

  it("are given to both of two workers, once each", function()
    queue:fill(4000, "note", { ms = 1, gate = queue.gate })
    local first = queue:start { "--concurrency", "20" }
    local second = queue:start { "--concurrency", "20" }
    queue:await_notes(40, "+")

    queue:open_gate()
    queue:await_count("completed", 4000)

    worker.stop(first)
    worker.stop(second)
    queue:assert_completed(4000)
    assert.same({ 4000, 4000 }, { queue:runs() })
    assert.equal(2, queue.db:value("select count(distinct worker_id) from taskq.worker_tasks"))
  end)

  it("wake a worker that sleeps when the one that is awake is full", function()
    local busy = queue:start { "--concurrency", "1", "--poll-interval", "10m" }
    queue:enqueue("note", { gate = queue.gate })
    queue:await_notes(1, "+")
    local idle = queue:start { "--poll-interval", "10m" }
    queue:await(30, "it to sleep", [[
      select count(*) = 1
      from pg_stat_activity
      where datname = current_database() and application_name = 'taskq claim'
        and state = 'idle' and state_change < clock_timestamp() - interval '400 ms']])

    for _ = 1, 5 do
      queue:enqueue("noop") -- in silence: the busy one is awake
    end

    queue:await_count("completed", 5)
    queue:open_gate()
    queue:await_count("completed", 6)
    worker.stop(busy)
    worker.stop(idle)
  end)
end)
