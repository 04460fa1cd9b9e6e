--- taskq.cancel, and what becomes of requests.

local database = require "support.database"
local plans = require "support.plans"
local process = require "support.process"
local tasks = require "support.tasks"
local wait = require "support.wait"

-- Connections that wait for a lock.
local WAITING = [[select count(*) from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock']]

describe("taskq.cancel", function()
  local url, connection

  setup(function()
    url = database.fresh()
    connection = database.connect(url)
  end)

  teardown(function() connection:close() end)

  before_each(function() connection:query("truncate taskq.worker_tasks, taskq.finished_counts, "
    .. "taskq.cancel_requests, taskq.task_attempts") end)

  local function cancel(id)
    return connection:value("select taskq.cancel($1)", id)
  end

  -- What is refused, with which SQLSTATE.
  local function refusal(id)
    return connection:value([[
      create or replace function pg_temp.refusal(id bigint) returns text language plpgsql as $f$
      begin
        return taskq.cancel(id);
      exception when sqlstate 'TQ001' or sqlstate 'TQ002' then
        return sqlstate || ' ' || sqlerrm;
      end $f$;
      select pg_temp.refusal($1)]], id)
  end

  local function requests()
    return connection:query("select id, claims from taskq.cancel_requests order by id, claims")
  end

  it("ends a pending task at once", function()
    local id = tasks.pending(connection, "'a', '[1.0]', priority => 3, max_attempts => 5")
    local before = tasks.row(connection, id)

    assert.equal("cancelled", cancel(id))

    local after = tasks.row(connection, id)
    assert.equal("cancelled", after.status)
    assert.is_truthy(after.finished_at)
    assert.equal(0, after.attempts)
    for _, column in ipairs({ "type", "payload", "priority", "max_attempts", "created_at",
      "scheduled_at", "claims" }) do
      assert.equal(before[column], after[column])
    end
    assert.equal(1, connection:value("select cancelled from taskq.stats()"))
    assert.equal(0, connection:value("select pending from taskq.stats()"))
    assert.equal(0, connection:value("select count(*) from taskq.task_attempts"))
  end)

  it("finishes no task before it was made, however old the transaction is", function()
    connection:query("begin; select now()")
    local id = database.value(url, "select taskq.enqueue('a')")

    assert.equal("cancelled", cancel(id))

    connection:query("commit")
    assert.is_true(connection:value(
      "select finished_at > created_at from taskq.worker_tasks where id = $1", id))
  end)

  it("keeps what a task has used up", function()
    local id = tasks.running(connection)
    tasks.requeue(connection, id)

    assert.equal("cancelled", cancel(id))

    assert.equal(1, tasks.row(connection, id).attempts)
    assert.equal(1, tasks.row(connection, id).claims)
  end)

  it("asks for the end of a running one, once", function()
    local id = tasks.running(connection)

    assert.equal("requested", cancel(id))
    assert.equal("requested", cancel(id))

    assert.same({ { id = id, claims = 1 } }, requests())
    assert.equal("running", tasks.row(connection, id).status)
  end)

  it("notifies the workers of a request only", function()
    local result = process.run({ "psql", "-XqAt", "--set", "ON_ERROR_STOP=1", url }, {
      stdin = ("listen taskq_cancel;\nselect taskq.cancel(%d);\nselect taskq.cancel(%d);\n"):format(
        tasks.pending(connection), tasks.running(connection)),
    })

    assert.equal(0, result.code, result.err)
    local _, count = result.out:gsub('notification "taskq_cancel"', "")
    assert.equal(1, count)
  end)

  for _, status in ipairs({ "completed", "failed", "cancelled" }) do
    it("refuses a task that is " .. status, function()
      local id = tasks.finished(connection, status)

      assert.equal(("TQ002 task %d is %s already"):format(id, status), refusal(id))
      assert.equal(1, connection:value("select total from taskq.stats()"))
    end)
  end

  it("refuses a task that is not there", function()
    assert.equal("TQ001 there is no task 999999", refusal(999999))
  end)

  it("asks when a claim comes between looking and deleting", function()
    local id = tasks.pending(connection)
    local claimer <close> = database.connect(url)
    claimer:query("begin")
    tasks.claim(claimer, id)

    local statement = ("select taskq.cancel(%d)"):format(id)
    local canceller = process.start({ "psql", "-XAtc", statement, url })
    wait.wait_until(30, function() return connection:value(WAITING) == 1 end, "the canceller")
    claimer:query("commit")

    assert.equal(0, canceller:wait(), canceller:stderr())
    assert.equal("requested\n", canceller:stdout())
    assert.same({ { id = id, claims = 1 } }, requests())
  end)

  it("ends a task once, whoever comes at the same time", function()
    local id = tasks.pending(connection)
    local first <close> = database.connect(url)
    first:query("begin")
    assert.equal("cancelled", first:value("select taskq.cancel($1)", id))

    local second = process.start({ "psql", "-XAtc", ("select taskq.cancel(%d)"):format(id), url })
    wait.wait_until(30, function() return connection:value(WAITING) == 1 end, "the second one")
    first:query("commit")

    assert.equal(1, second:wait())
    assert.matches(("task %d is cancelled already"):format(id), second:stderr(), 1, true)
    assert.equal(1, connection:value("select total from taskq.stats()"))
  end)

  it("never loses or doubles a task among claims", function()
    connection:query("select taskq.enqueue('race') from generate_series(1, 300)")
    local ids = connection:query("select id from taskq.worker_tasks order by id")
    local claims, cancels = {}, {}
    for i, row in ipairs(ids) do
      claims[#ids - i + 1] = ([[update taskq.worker_tasks_live set status = 'running',
        claims = claims + 1, worker_id = 7 where ctid = any(array(select ctid
        from taskq.worker_tasks_live where id = %d and status = 'pending'
        for update skip locked));]]):format(row.id)
      cancels[i] = ("select taskq.cancel(%d);"):format(row.id)
    end
    local two = {}

    for i, statements in ipairs({ claims, cancels }) do
      two[i] = process.start({ "psql", "-XAtq", "--set", "ON_ERROR_STOP=1", url },
        { stdin = table.concat(statements, "\n") })
    end
    for _, one in ipairs(two) do
      assert.equal(0, one:wait(60), one:stderr())
    end

    local _, cancelled = two[2]:stdout():gsub("cancelled\n", "")
    local _, requested = two[2]:stdout():gsub("requested\n", "")
    assert.equal(300, cancelled + requested)
    assert.equal(cancelled, connection:value("select cancelled from taskq.stats()"))
    assert.equal(requested, connection:value("select running from taskq.stats()"))
    assert.equal(300, connection:value("select count(distinct id) from taskq.worker_tasks"))
  end)

  it("goes straight to its row, however long the history is", function()
    connection:query([[insert into taskq.worker_tasks (type, status, finished_at)
      select 'a', (array['completed', 'failed'])[g % 2 + 1]::taskq.task_status,
        now() + g % 3 * interval '1 day' from generate_series(1, 3000) g]])
    local id = tasks.pending(connection)

    local rows, scanned = tasks.rows_read(connection, ("select taskq.cancel(%d)"):format(id))

    assert.equal(0, scanned)
    assert.is_true(rows <= 2, rows)
  end)

  describe("settle_cancel_requests", function()
    local function settle()
      return connection:value("select taskq.settle_cancel_requests()")
    end

    it("leaves alone what runs as requested", function()
      local id = tasks.running(connection)
      cancel(id)

      assert.equal(0, settle())
      assert.same({ { id = id, claims = 1 } }, requests())
    end)

    it("cancels what went back to the queue first", function()
      local id = tasks.running(connection)
      cancel(id)
      tasks.requeue(connection, id)

      assert.equal(1, settle())

      assert.equal("cancelled", tasks.row(connection, id).status)
      assert.equal(1, connection:value("select cancelled from taskq.stats()"))
      assert.same({}, requests())
    end)

    it("follows a task to its next claim", function()
      local id = tasks.running(connection)
      cancel(id)
      tasks.requeue(connection, id)
      tasks.claim(connection, id)

      assert.equal(0, settle())

      assert.same({ { id = id, claims = 2 } }, requests())
    end)

    it("reads the tasks in question only, whatever the settings", function()
      connection:query("select taskq.enqueue('a') from generate_series(1, 3000)")
      connection:query("insert into taskq.cancel_requests select g, 1 from generate_series(1, 9) g")
      cancel(tasks.running(connection))
      tasks.requeue(connection, tasks.running(connection))

      local freely = tasks.rows_read(connection, "select taskq.settle_cancel_requests()")
      cancel(tasks.running(connection))
      local worker <close> = database.connect(url)
      worker:query(plans.settings())
      local as_worker = tasks.rows_read(worker, "select taskq.settle_cancel_requests()")

      assert.is_true(freely <= 10, freely)
      assert.is_true(as_worker <= 10, as_worker)
    end)

    it("forgets a task that has finished", function()
      local id = tasks.running(connection)
      cancel(id)
      tasks.finish(connection, id, "completed")

      assert.equal(0, settle())

      assert.same({}, requests())
      assert.equal("completed", tasks.row(connection, id).status)
    end)
  end)
end)
