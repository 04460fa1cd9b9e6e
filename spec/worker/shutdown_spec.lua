--- Stopping a worker: what runs may finish, what does not is given back, and nothing stays behind.

local wait = require "support.wait"
local worker = require "support.worker"

local TIMEOUT = 6 -- exit code: tasks had to be interrupted

describe("a worker that is told to stop", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function assert_nothing_held()
    assert.equal(0, queue:count("running"))
    assert.equal(0, queue.db:value("select count(*) from taskq.workers"))
    assert.equal(0, queue.db:value([[
      select count(*) from taskq.worker_tasks where status = 'pending'
        and (attempts <> 0 or worker_id is not null or started_at is not null or error is not null)
    ]]))
  end

  for _, signal in ipairs { "sigterm", "sigint" } do
    it("finishes what runs and starts nothing more, on " .. signal, function()
      queue:fill(300, "note", { ms = 2 })
      queue:fill(4700, "note", { ms = 2, gate = queue.gate })
      local process = queue:start { "--concurrency", "10" }
      queue:await_notes(310, "+")

      process:kill(signal)
      worker.await_log(process, "draining")
      queue:open_gate()

      assert.equal(0, process:wait(), process:stderr())
      assert_nothing_held()
      assert.same({ 310, 310 }, { queue:runs() })
      assert.equal(310, queue:count("completed"))
      assert.equal(4690, queue:count("pending"))
    end)
  end

  it("leaves the rest to the next worker", function()
    queue:fill(3000, "note")
    local process = queue:start()
    queue:await_notes(100, "-")
    worker.stop(process)

    queue:drain()

    local runs, tasks = queue:runs()
    assert.same({ 3000, 3000 }, { runs, tasks })
    queue:assert_completed(3000)
  end)

  it("waits for what runs", function()
    local id = queue:enqueue("note", { gate = queue.gate })
    local process = queue:start()
    queue:await_notes(1, "+")

    process:kill("sigterm")
    worker.await_log(process, "draining")
    queue:open_gate()

    assert.equal(0, process:wait())
    assert.equal("completed", queue:task(id).status)
  end)

  it("takes no new task while it waits", function()
    queue:enqueue("note", { gate = queue.gate })
    local process = queue:start()
    queue:await_notes(1, "+")
    process:kill("sigterm")
    worker.await_log(process, "draining")

    local id = queue:enqueue("note") -- a claim that was under way may see it: then it is given back
    queue:open_gate()

    assert.equal(0, process:wait())
    assert.equal("pending", queue:task(id).status)
    assert.same({ 1, 1 }, { queue:runs() })
    assert_nothing_held()
  end)

  it("gives back a task whose handler saw it and failed, with its attempt", function()
    local id = queue:enqueue("endless:polite", nil, { max_attempts = 1 })
    local process = queue:start()
    queue:await_notes(1, "+")

    worker.stop(process)

    assert.equal("pending", queue:task(id).status)
    assert.equal(0, queue.db:value("select count(*) from taskq.task_attempts"))
    assert_nothing_held()
  end)

  it("interrupts what runs when the shutdown timeout is over, and gives it back", function()
    queue:fill(3, "endless:deaf")
    local process = queue:start { "--shutdown-timeout", "200ms" }
    queue:await_notes(3, "+")

    process:kill("sigterm")

    assert.equal(TIMEOUT, process:wait())
    assert.matches("interrupting what still runs", process:stderr())
    assert.equal(3, queue:count("pending"))
    assert_nothing_held()
  end)

  it("interrupts a handler that computes, too", function()
    queue:enqueue("endless:loop_by_default")
    local process = queue:start { "--shutdown-timeout", "0" }
    queue:await_count("running", 1)

    process:kill("sigterm")

    local code = process:wait()
    assert.is_true(code == TIMEOUT or code == 0, code) -- 0: it had not begun
    assert.equal(1, queue:count("pending"))
    assert_nothing_held()
  end)

  it("interrupts at once on a second signal", function()
    local id = queue:enqueue("endless:deaf")

    wait.assert_below(2 * wait.factor, function(try)
      local process = queue:start { "--shutdown-timeout", "1h" }
      queue:await_notes(try, "+")
      process:kill("sigterm")
      worker.await_log(process, "draining")
      local started = wait.now()
      process:kill("sigint")
      assert.equal(TIMEOUT, process:wait())
      local took = wait.now() - started
      assert.equal("pending", queue:task(id).status)
      assert_nothing_held()
      return took
    end)
  end)

  it("exits on a third signal, whatever the database does", function()
    local id = queue:enqueue("endless:deaf")
    local process = queue:start { "--shutdown-timeout", "1h" }
    queue:await_notes(1, "+")
    local locker <close> = require("support.database").connect(queue.url)
    locker:query("begin")
    locker:query("select 1 from taskq.worker_tasks where id = $1 for update", id)

    process:kill("sigterm")
    worker.await_log(process, "draining")
    process:kill("sigterm")
    worker.await_log(process, "interrupting")
    process:kill("sigterm")

    assert.equal(TIMEOUT, process:wait())
    assert.matches("exiting at once", process:stderr())
  end)

  it("ends as it was about to, when a signal comes after its last word", function()
    for i = 1, 10 do -- the moment is short; longer under sanitizers, which look for leaks
      local process = queue:start()
      process:kill("sigterm")
      wait.wait_until(30, function()
        return process:stderr():find("worker stopped", 1, true)
      end, "the last word")

      process:kill(i % 2 == 0 and "sigint" or "sighup")

      assert.equal(0, process:wait(), process:stderr())
    end
  end)

  it("gives back what was claimed in an answer that it never got", function()
    queue:fill(5000, "note", { ms = 1 })
    for i = 1, 8 do
      local process = queue:start { "--concurrency", "100" }
      queue:await_notes(i * 200, "-")

      queue:terminate("claim")
      process:kill("sigterm")

      assert.equal(0, process:wait(), process:stderr())
      assert_nothing_held()
    end
  end)

  it("leaves nothing of what it has just found of a worker that died", function()
    queue:fill(100000, "unknown") -- a look at all of them takes some time
    for i = 1, 8 do
      queue.db:query([[
        update taskq.worker_tasks_live
        set status = 'running', claims = 1, attempts = 1, started_at = now(), worker_id = 7
        where id % 500 = $1]], i)
      local process = queue:start()
      queue.db:query("select pg_sleep($1)", i * 0.007)

      worker.stop(process) -- a sanitizer would tell
    end
  end)

  it("stops while it sleeps", function()
    local process = queue:start()
    queue:await_sleep()

    worker.stop(process)

    assert_nothing_held()
  end)

  it("stops just after it has started", function()
    queue:fill(100, "noop")
    for _ = 1, 5 do
      worker.stop(queue:start())
      assert_nothing_held()
    end
  end)
end)
