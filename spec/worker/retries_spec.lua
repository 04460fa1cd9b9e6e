--- Failures: what is stored, when a task is tried again, and when not.

local wait = require "support.wait"
local worker = require "support.worker"

describe("a task that fails", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function attempts(id)
    return (queue.db:query([[
      select attempt, kind, error, traceback,
        extract(epoch from started_at)::float8 as started,
        extract(epoch from finished_at)::float8 as finished
      from taskq.task_attempts where task_id = $1 order by attempt]], id))
  end

  it("is tried three times unless something else is said", function()
    local id = queue:enqueue("fail:raise")

    queue:drain()

    local task = queue:task(id)
    assert.equal("failed", task.status)
    assert.equal(3, task.attempts)
    assert.equal(3, task.claims)
    assert.equal(3, #attempts(id))
  end)

  it("is tried as often as its handler says", function()
    local id = queue:enqueue("fail:twice")

    queue:drain()

    assert.equal(2, queue:task(id).attempts)
  end)

  it("is tried as often as it says itself, whatever its handler says", function()
    local once = queue:enqueue("fail:twice", nil, { max_attempts = 1 })
    local often = queue:enqueue("fail:twice", nil, { max_attempts = 5 })

    queue:drain()

    assert.equal(1, queue:task(once).attempts)
    assert.equal(5, queue:task(often).attempts)
  end)

  it("is tried once more when it is retried, though its handler's attempts are used up", function()
    local id = queue:enqueue("fail:raise")

    for used = 3, 5 do
      queue:drain()
      assert.same({ "failed", used, used, used }, { queue:task(id).status,
        queue:task(id).attempts, queue:task(id).max_attempts, queue:task(id).claims })
      queue.db:query("select taskq.retry($1)", id)
    end
  end)

  it("keeps the error, with file and line, and each attempt's traceback", function()
    local id = queue:enqueue("fail:raise")

    queue:drain()

    assert.matches("failures%.lua:%d+: raised 42$", queue:task(id).error)
    for i, attempt in ipairs(attempts(id)) do
      assert.equal(i, attempt.attempt)
      assert.equal("error", attempt.kind)
      assert.matches("failures%.lua:%d+: raised 42$", attempt.error)
      assert.matches("^stack traceback:\n.*failures%.lua:%d+: in function", attempt.traceback)
      assert.is_true(attempt.started <= attempt.finished)
    end
  end)

  it("keeps what its handler returned as the error", function()
    local id = queue:enqueue("fail:return", nil, { max_attempts = 1 })

    queue:drain()

    assert.equal("as asked", queue:task(id).error)
    assert.equal("failure", attempts(id)[1].kind)
  end)

  it("keeps something readable of an error that is a table", function()
    local id = queue:enqueue("fail:table", nil, { max_attempts = 1 })

    queue:drain()

    assert.matches("code", queue:task(id).error)
  end)

  it("forgets its errors when it succeeds at last", function()
    local id = queue:enqueue("fail:once")

    queue:drain()

    local task = queue:task(id)
    assert.equal("completed", task.status)
    assert.equal('"at last"', task.result)
    assert.equal(2, task.attempts)
    assert.is_nil(task.error)
    assert.equal(1, #attempts(id))
  end)

  it("waits as long as its backoff says", function()
    wait.assert_below(0.1 * wait.factor, function()
      local id = queue:enqueue("fail:fixed", nil, { max_attempts = 2 })
      queue:drain()
      local first, second = table.unpack(attempts(id))
      local gap = second.started - first.finished
      assert.is_true(gap >= 0.3, gap)
      return gap - 0.3
    end)
  end)

  it("is pending while it waits, at a later time and with its error", function()
    local process = queue:start()
    wait.assert_below(0.1 * wait.factor, function(try)
      local id = queue:enqueue("fail:retry_after", nil, { max_attempts = 2 })
      queue:await(30, "the first attempt",
        "select count(*) > 0 from taskq.task_attempts where task_id = $1", id)
      local task = queue:task(id)
      if task.status == "pending" then -- else the second attempt has begun already
        assert.equal("as asked", task.error)
        assert.is_nil(task.worker_id)
        assert.is_nil(task.started_at)
      end
      queue:await_count("failed", try)
      local first, second = table.unpack(attempts(id))
      local gap = second.started - first.finished
      assert.is_true(gap >= 0.2, gap)
      return gap - 0.2
    end)
    worker.stop(process)
  end)

  it("is not tried again when its handler discards it", function()
    local id = queue:enqueue("fail:discard", nil, { max_attempts = 5 })

    queue:drain()

    local task = queue:task(id)
    assert.equal("failed", task.status)
    assert.equal("hopeless", task.error)
    assert.equal(1, task.attempts)
  end)

  it("uses up no attempt when it snoozes", function()
    wait.assert_below(0.1 * wait.factor, function()
      os.remove(queue.file) -- it snoozes until that is there
      local id = queue:enqueue("snooze:until", nil, { max_attempts = 1 })
      queue:drain()
      local task = queue:task(id)
      assert.equal("completed", task.status)
      assert.equal("1", task.result) -- attempts, as the handler saw it the second time
      assert.equal(1, task.attempts)
      assert.equal(2, task.claims)
      assert.equal(0, #attempts(id))
      local late = queue.db:value([[
        select extract(epoch from started_at - scheduled_at)::float8
        from taskq.worker_tasks where id = $1]], id)
      assert.is_true(late >= 0, late)
      return late
    end)
  end)

  it("is counted once", function()
    queue:fill(20, "fail:twice")
    queue:fill(30, "noop")

    queue:drain()

    assert.same({ failed = 20, completed = 30, total = 50 },
      queue.db:query("select failed, completed, total from taskq.stats()")[1])
    assert.equal(40, queue.db:value("select count(*) from taskq.task_attempts"))
  end)
end)
