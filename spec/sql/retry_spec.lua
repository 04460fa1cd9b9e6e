--- taskq.retry and taskq.retry_many.

local database = require "support.database"
local process = require "support.process"
local tasks = require "support.tasks"

local EMPTY = "truncate taskq.worker_tasks, taskq.finished_counts, taskq.cancel_requests"

-- Connections that wait for a lock.
local WAITING = [[select count(*) from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock']]

-- Finished tasks over some days, three thousand of them, in no order of their ids.
local HISTORY = [[
  insert into taskq.worker_tasks (type, status, finished_at)
  select 'old', (array['completed', 'failed', 'cancelled'])[g % 3 + 1]::taskq.task_status,
    now() + g % 7 * interval '1 day'
  from generate_series(1, 3000) g]]

describe("taskq.retry", function()
  local url, connection

  setup(function()
    url = database.fresh()
    connection = database.connect(url)
  end)

  teardown(function() connection:close() end)

  before_each(function() connection:query(EMPTY) end)

  local function retry(id, arguments)
    return connection:value(("select taskq.retry(%d%s)"):format(id, arguments or ""))
  end

  local function refusal(id)
    return connection:value([[
      create or replace function pg_temp.refusal(id bigint) returns text language plpgsql as $f$
      begin
        return taskq.retry(id);
      exception when sqlstate 'TQ001' or sqlstate 'TQ002' then
        return sqlstate || ' ' || sqlerrm;
      end $f$;
      select pg_temp.refusal($1)]], id)
  end

  for _, status in ipairs({ "failed", "cancelled" }) do
    it("puts a task back that is " .. status, function()
      local id = tasks.finished(connection, status,
        { arguments = "'a', '[1.0]', priority => 3, scheduled_at => now() + interval '1 ms'" })
      local before = tasks.row(connection, id)

      assert.equal("retried", retry(id))

      local after = tasks.row(connection, id)
      assert.equal("pending", after.status)
      assert.equal(1, after.claims)
      assert.equal(1, after.attempts)
      assert.equal("[1.0]", after.payload)
      assert.equal(3, after.priority)
      assert.equal(before.created_at, after.created_at)
      assert.equal(before.error, after.error)
      for _, column in ipairs({ "started_at", "finished_at", "worker_id", "max_attempts",
        "result" }) do
        assert.is_nil(after[column])
      end
      assert.is_true(connection:value("select scheduled_at <= clock_timestamp() "
        .. "and scheduled_at > $2 from taskq.worker_tasks where id = $1", id, before.finished_at))
      assert.same({ { pending = 1, failed = 0, cancelled = 0, total = 1 } },
        connection:query("select pending, failed, cancelled, total from taskq.stats()"))
    end)
  end

  local budgets = {
    { "grows when it is used up", "max_attempts => 1", "", 1, 2 },
    { "stays when something is left of it", "max_attempts => 5", "", 1, 5 },
    { "stays when the attempts are forgotten", "max_attempts => 1", ", true", 0, 1 },
    { "of the handler stays the handler's", "max_attempts => null", "", 1, nil },
  }

  for _, budget in ipairs(budgets) do
    it("max_attempts " .. budget[1], function()
      local id = tasks.finished(connection, "failed", { arguments = "'a', " .. budget[2] })

      retry(id, budget[3])

      assert.equal(budget[4], tasks.row(connection, id).attempts)
      assert.equal(budget[5], tasks.row(connection, id).max_attempts)
    end)
  end

  it("takes the count back from the day on which the task finished", function()
    local id = tasks.finished(connection, "failed", { at = "2026-01-31T23:59:59Z" })

    retry(id)

    assert.same({ { day = "2026-01-31", n = 0 } }, connection:query(
      "select day, sum(n) as n from taskq.finished_counts where status = 'failed' group by day"))
  end)

  it("forgets a request to cancel the run that ended", function()
    local id = tasks.running(connection)
    connection:query("select taskq.cancel($1)", id)
    tasks.finish(connection, id, "failed")

    retry(id)

    assert.equal(0, connection:value("select taskq.settle_cancel_requests()"))
    assert.equal("pending", tasks.row(connection, id).status)
  end)

  it("wakes the workers", function()
    local result = process.run({ "psql", "-XqAt", "--set", "ON_ERROR_STOP=1", url }, {
      stdin = ("listen taskq;\nselect taskq.retry(%d);\n"):format(
        tasks.finished(connection, "failed")),
    })

    assert.matches('notification "taskq"', result.out)
  end)

  it("refuses what is neither failed nor cancelled", function()
    local id = tasks.pending(connection)

    assert.equal(("TQ002 task %d is pending, neither failed nor cancelled"):format(id), refusal(id))
    tasks.claim(connection, id)
    assert.equal(("TQ002 task %d is running, neither failed nor cancelled"):format(id), refusal(id))
    tasks.finish(connection, id, "completed")
    assert.equal(("TQ002 task %d is completed, neither failed nor cancelled"):format(id),
      refusal(id))
    assert.equal("TQ001 there is no task 999999", refusal(999999))
    assert.equal(1, connection:value("select total from taskq.stats()"))
  end)

  it("puts a task back once, whoever comes at the same time", function()
    local id = tasks.finished(connection, "failed")
    local first <close> = database.connect(url)
    first:query("begin")
    first:query("select taskq.retry($1)", id)

    local second = process.start({ "psql", "-XAtc", ("select taskq.retry(%d)"):format(id), url })
    require("support.wait").wait_until(30, function()
      return connection:value(WAITING) == 1
    end, "the second one")
    first:query("commit")

    assert.equal(1, second:wait())
    assert.matches(("task %d is pending, neither"):format(id), second:stderr(), 1, true)
    assert.equal(1, connection:value("select count(*) from taskq.worker_tasks"))
  end)

  it("goes straight to its row, however long the history is", function()
    connection:query(HISTORY)
    local id = tasks.finished(connection, "failed")

    local rows, scanned = tasks.rows_read(connection, ("select taskq.retry(%d)"):format(id))

    assert.equal(0, scanned)
    assert.is_true(rows <= 2, rows)
  end)
end)

describe("taskq.retry_many", function()
  local url, connection

  setup(function()
    url = database.fresh()
    connection = database.connect(url)
  end)

  teardown(function() connection:close() end)

  before_each(function() connection:query(EMPTY) end)

  local function retry_many(arguments)
    local row = connection:query(("select * from taskq.retry_many(%s)"):format(arguments))[1]
    return row.retried, row.last_id
  end

  local function pending_types()
    return connection:value([[select string_agg(type, ' ' order by id) from taskq.worker_tasks
      where status = 'pending']])
  end

  it("takes failed tasks of all types, by batches of growing ids", function()
    local ids = {}
    for i = 1, 5 do
      ids[i] = tasks.finished(connection, "failed", { arguments = ("'t%d'"):format(i) })
    end
    tasks.finished(connection, "cancelled")
    tasks.finished(connection, "completed")

    local first, last = retry_many("most => 2")
    assert.same({ 2, ids[2] }, { first, last })
    assert.equal("t1 t2", pending_types())

    assert.equal(3, (retry_many(("most => 10, after_id => %d"):format(last))))
    assert.equal("t1 t2 t3 t4 t5", pending_types())
    assert.same({ 0, nil }, { retry_many("most => 10") })
    assert.same({ { failed = 0, cancelled = 1, completed = 1, pending = 5, total = 7 } },
      connection:query("select failed, cancelled, completed, pending, total from taskq.stats()"))
  end)

  it("takes types by a glob, whose other characters stand for themselves", function()
    for _, name in ipairs({ "a%b:x", "a%b:y", "a_b:x", "aXb:x", [[a\b:x]] }) do
      tasks.finished(connection, "failed", { arguments = ("'%s'"):format(name) })
    end

    assert.equal(2, (retry_many("'a%b:*'")))
    assert.equal(1, (retry_many("'a_b*'")))
    assert.equal(1, (retry_many([['a\b:x']])))
    assert.equal([[a%b:x a%b:y a_b:x a\b:x]], pending_types())
  end)

  it("takes cancelled ones, and those that finished in some time", function()
    tasks.finished(connection, "cancelled", { arguments = "'old'", at = "2026-01-01T12:00:00Z" })
    tasks.finished(connection, "cancelled", { arguments = "'mid'", at = "2026-02-01T12:00:00Z" })
    tasks.finished(connection, "cancelled", { arguments = "'new'", at = "2026-03-01T12:00:00Z" })

    assert.equal(1, (retry_many("status => 'cancelled', finished_from => '2026-01-02T00:00:00Z', "
      .. "finished_before => '2026-03-01T12:00:00Z'")))
    assert.equal("mid", pending_types())
  end)

  it("treats attempts as taskq.retry does", function()
    local used_up = tasks.finished(connection, "failed", { arguments = "'a', max_attempts => 1" })
    retry_many("")
    assert.equal(2, tasks.row(connection, used_up).max_attempts)

    local reset = tasks.finished(connection, "failed", { arguments = "'a', max_attempts => 1" })
    retry_many("reset_attempts => true")
    assert.equal(0, tasks.row(connection, reset).attempts)
    assert.equal(1, tasks.row(connection, reset).max_attempts)
  end)

  it("leaves out what somebody else is retrying", function()
    local first_id = tasks.finished(connection, "failed")
    tasks.finished(connection, "failed")
    local other <close> = database.connect(url)
    other:query("begin")
    other:query("select taskq.retry($1)", first_id)

    assert.equal(1, (retry_many("")))
    other:query("commit")

    assert.equal(2, connection:value("select pending from taskq.stats()"))
  end)

  for what, arguments in pairs({
    ["completed tasks"] = "status => 'completed'",
    ["no status"] = "status => null",
    ["a batch without bounds"] = "most => null",
    ["a batch that is too large"] = "most => 10001",
  }) do
    it("refuses " .. what, function()
      assert.has_error(function() retry_many(arguments) end)
    end)
  end

  it("reads what it takes, along the indexes", function()
    connection:query(HISTORY)

    local rows, scanned = tasks.rows_read(connection, "select taskq.retry_many('old', most => 10)")

    assert.equal(0, scanned)
    assert.is_true(rows < 100, rows)
  end)
end)
