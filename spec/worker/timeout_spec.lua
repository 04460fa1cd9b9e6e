--- Time limits: whatever a handler does, it is stopped.

local wait = require "support.wait"
local worker = require "support.worker"

describe("a time limit", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function attempt(id)
    return queue.db:query([[
      select kind, error, extract(epoch from finished_at - started_at)::float8 as seconds
      from taskq.task_attempts where task_id = $1]], id)[1]
  end

  -- Runs one task with one attempt, of a handler whose limit is 200 ms.
  local function run(kind)
    local id = queue:enqueue(kind, nil, { max_attempts = 1 })
    queue:drain()
    assert.equal("failed", queue:task(id).status)
    return id
  end

  for _, kind in ipairs { "endless:loop", "endless:sleep" } do
    it("stops " .. kind, function()
      wait.assert_below(0.25 * wait.factor, function()
        local ended = attempt(run(kind))
        assert.equal("timeout", ended.kind)
        assert.equal("timeout: the task ran longer than 200 ms", ended.error)
        assert.is_true(ended.seconds >= 0.2, ended.seconds)
        return ended.seconds - 0.2
      end)
    end)
  end

  it("lets a handler clean up", function()
    wait.assert_below(0.25 * wait.factor, function(try)
      local ended = attempt(run("endless:clean"))
      assert.equal("timeout", ended.kind)
      assert.equal(try, #queue:notes())
      assert.matches("^cleaned up after timeout", queue:notes()[try])
      return ended.seconds - 0.2
    end)
  end)

  it("can be caught once only", function()
    wait.assert_below(0.5 * wait.factor, function(try)
      local ended = attempt(run("endless:stubborn"))
      assert.equal("timeout", ended.kind)
      assert.equal(try, #queue:notes())
      assert.equal("caught", queue:notes()[try])
      assert.is_true(ended.seconds >= 1.2, ended.seconds) -- a second of grace
      return ended.seconds - 1.2
    end)
  end)

  it("is JOB_TIMEOUT for handlers without one of their own", function()
    local id = queue:enqueue("endless:loop_by_default", nil, { max_attempts = 1 })

    queue:drain({}, { env = { JOB_TIMEOUT = "100" } })

    assert.equal("timeout: the task ran longer than 100 ms", attempt(id).error)
  end)

  it("counts as an attempt, and is retried", function()
    local id = queue:enqueue("endless:loop", nil, { max_attempts = 2 })
    local process = queue:start()

    queue:await(30, "the retry",
      "select status = 'pending' and attempts = 1 from taskq.worker_tasks where id = $1", id)

    assert.matches("^timeout", queue:task(id).error)
    worker.stop(process)
  end)

  it("does not hold up other tasks on the same thread", function()
    queue:fill(4, "endless:loop")
    queue:fill(4, "endless:sleep")
    queue:fill(200, "note", { ms = 1 })
    local process = queue:start { "--concurrency", "20", "--threads", "1" }

    queue:await_count("completed", 200)

    queue:await(30, "the timeouts", "select count(*) >= 8 from taskq.task_attempts")
    worker.stop(process)
  end)
end)
