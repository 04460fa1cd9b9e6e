--- Threads that do not come back from a call into C: found, replaced, and never in the way.

local cjson = require "cjson"
local commit = require "support.commit"
local wait = require "support.wait"
local worker = require "support.worker"

local STUCK_AFTER = { "--stuck-after", "500ms", "--threads", "1", "--concurrency", "5" }

describe("a handler that holds its thread", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function with(flags)
    local all = table.move(STUCK_AFTER, 1, #STUCK_AFTER, 1, {})
    return table.move(flags, 1, #flags, #all + 1, all)
  end

  local function attempts(id)
    return queue.db:query([[
      select attempt, kind, error, extract(epoch from finished_at - started_at)::float8 as seconds
      from taskq.task_attempts where task_id = $1 order by attempt]], id)
  end

  it("fails as stuck, and is retried like any failure", function()
    wait.assert_below(0.2 * 5 * wait.factor, function()
      local id, late = queue:enqueue("stuck:match", nil, { max_attempts = 2 }), 0
      queue:drain(STUCK_AFTER)
      local found = attempts(id)
      assert.equal(2, #found)
      for n, attempt in ipairs(found) do
        assert.equal(n, attempt.attempt)
        assert.equal("stuck", attempt.kind)
        assert.matches("^stuck: the task was in a C call that did not return for %d+ ms$",
          attempt.error)
        assert.is_true(attempt.seconds >= 0.5, attempt.seconds)
        late = math.max(late, attempt.seconds - 0.5)
      end
      assert.equal("failed", queue:task(id).status)
      assert.matches("^stuck", queue:task(id).error)
      return late
    end)
  end)

  it("does not keep the worker from claiming when it has come back", function()
    local process = queue:start { "--threads", "1", "--concurrency", "1", "--stuck-after", "1h" }

    for i = 1, 5 do
      queue:enqueue("stuck:for_a_while", { wildcards = 8 }) -- half a second
      queue:await_count("completed", i)
      queue:await_sleep()
    end

    worker.stop(process)
  end)

  it("costs its neighbours no attempt: they run again on a new thread", function()
    queue:fill(3, "stuck:nap", { times = 60 })
    queue:enqueue("stuck:match", nil, { max_attempts = 1 })

    queue:drain(STUCK_AFTER)

    assert.equal(3, queue:count("completed"))
    assert.equal(1, queue:count("failed"))
    for _, task in ipairs(queue.db:query [[
      select attempts, claims, result::text as result
      from taskq.worker_tasks where status = 'completed']]) do
      assert.equal(1, task.attempts)
      assert.is_true(task.claims >= 2, task.claims) -- more when the machine stood still, too
      assert.equal(1, cjson.decode(task.result).attempt)
    end
    assert.equal(1, queue.db:value("select count(*) from taskq.task_attempts"))
  end)

  it("takes along what its neighbours have under way in the database", function()
    local sleeping = [[
      select count(*) = %d from pg_stat_activity
      where datname = current_database() and query = 'select pg_sleep(3600)' and state = 'active']]
    local neighbour = queue:enqueue("stuck:query")
    local process = queue:start(STUCK_AFTER)
    queue:await(30, "the query", sleeping:format(1))
    queue:enqueue("stuck:match", nil, { max_attempts = 1 })

    queue:await_count("failed", 1)
    queue:await_count("completed", 1)

    queue:await(30, "the end of the query", sleeping:format(0))
    assert.equal("1", queue:task(neighbour).result)
    worker.stop(process)
  end)

  it("does not take from a neighbour what it has committed just before", function()
    commit.make_effects(queue.db)
    local held <close> = commit.hold(queue)
    local neighbour = queue:enqueue("lua", { body = [[
      context.transaction(function(db)
        assert(db.query("insert into effects values ($1)", context.task.id))
        return "done"
      end)]] })
    local process = queue:start { "--stuck-after", "2s", "--threads", "1", "--concurrency", "5" }
    commit.await(queue)
    queue:enqueue("stuck:match", nil, { max_attempts = 1 })
    queue:await_notes(1, "+")
    held:close()
    queue:await_count("completed", 1)

    queue:await_count("failed", 1)
    worker.stop(process)

    assert.same({ "completed", '"done"' },
      { queue:task(neighbour).status, queue:task(neighbour).result })
    assert.matches("completed=1 failed=1 retried=0 given_back=0 lost=0", process:stderr(), 1, true)
  end)

  it("holds up nobody who has not started", function()
    local process = queue:start { "--threads", "2", "--concurrency", "2", "--stuck-after", "1h" }
    queue:enqueue("stuck:match")
    queue:await_notes(1, "+")

    wait.assert_below(0.5 * 5 * wait.factor, function(try)
      local started = wait.now()
      queue:fill(300, "noop")
      queue:await_count("completed", 300 * try)
      return wait.now() - started
    end)

    process:kill("sigkill")
    process:wait()
  end)

  it("completes nothing that was just on its way back unstarted", function()
    for _ = 1, 4 do
      queue:fill(200, "stuck:at_its_deadline")
      queue:enqueue("stuck:at_its_deadline", { sticks = true }, { max_attempts = 1 })
    end
    queue:fill(200, "stuck:at_its_deadline")

    queue:drain { "--stuck-after", "300ms", "--threads", "1", "--concurrency", "1" }

    assert.equal(4, queue:count("failed"))
    assert.equal(1000, queue.db:value [[
      select count(*) from taskq.worker_tasks
      where status = 'completed' and result = to_jsonb(id)]])
  end)

  it("is stopped, should it ever come back, and its thread ends", function()
    local id = queue:enqueue("stuck:for_a_while", { wildcards = 9 }, { max_attempts = 1 })
    local process = queue:start(STUCK_AFTER)
    queue:await_count("failed", 1)

    worker.await_log(process, "a thread that was stuck came back, and ended")

    assert.same({ "+" .. id, "closed" }, queue:notes())
    assert.equal("stuck", attempts(id)[1].kind)
    worker.stop(process)
  end)

  it("is stopped without harm where it runs Lua that cannot be suspended", function()
    local nap = queue:enqueue("stuck:nap", { times = 20 })
    local sort = queue:enqueue("stuck:sort", nil, { max_attempts = 1 })

    local result = queue:drain(with { "--stuck-after", "3s" })

    assert.equal("stuck", attempts(sort)[1].kind)
    assert.matches("^stuck: the task held its thread in a call that Lua cannot suspend",
      attempts(sort)[1].error)
    assert.equal(1, queue:task(nap).claims) -- the thread is the same
    assert.is_nil(result.err:find("replaced", 1, true))
  end)

  it("does not keep the worker from leaving", function()
    local id = queue:enqueue("stuck:match", nil, { max_attempts = 2 })
    local process = queue:start { "--shutdown-timeout", "100ms", "--stuck-after", "1h" }
    queue:await_notes(1, "+")

    process:kill("sigterm")

    assert.equal(6, process:wait()) -- it had to be interrupted
    local task = queue:task(id)
    assert.same({ "pending", 0 }, { task.status, task.attempts })
  end)

  it("lets the worker leave once it has been given up", function()
    queue:enqueue("stuck:match", nil, { max_attempts = 1 })
    local process = queue:start(STUCK_AFTER)
    queue:await_count("failed", 1)

    worker.stop(process)

    assert.is_nil(process:stderr():find("came back", 1, true))
  end)
end)
