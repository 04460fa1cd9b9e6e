--- taskq.cleanup and taskq.compact_counts.

local database = require "support.database"
local process = require "support.process"
local tasks = require "support.tasks"
local wait = require "support.wait"

-- Partitions of all four kinds for one more day.
local MAKE_DAY = [[
  do $$
  declare
    day date := '%s';
    parent text;
  begin
    foreach parent in array array['worker_tasks_completed', 'worker_tasks_failed',
      'worker_tasks_cancelled', 'task_attempts']
    loop
      execute format('create table taskq.%%I partition of taskq.%%I for values from (%%L) to (%%L)',
        parent || to_char(day, '_YYYYMMDD'), parent, day::timestamp at time zone 'UTC',
        (day + 1)::timestamp at time zone 'UTC');
    end loop;
  end $$]]

-- The moment before which tasks are removed, and the age that it has; days that are entirely older,
-- and the day that is older in part.
local CUTOFF = "2026-04-20 12:00Z"
local AGE = ("now() - '%s'"):format(CUTOFF)
local OLD, OLDER, BOUNDARY = "2026-01-10", "2026-01-09", "2026-04-20"
local JUST_OLDER, JUST_YOUNGER = BOUNDARY .. " 11:59:59Z", BOUNDARY .. " 12:00:01Z"

describe("taskq.cleanup", function()
  local url, connection

  before_each(function()
    url = database.fresh()
    connection = database.connect(url)
    connection:query("set timezone = 'UTC'")
    for _, day in ipairs({ OLDER, OLD, BOUNDARY }) do
      connection:query(MAKE_DAY:format(day))
    end
  end)

  after_each(function() connection:close() end)

  local function finish(status, at)
    return tasks.finished(connection, status, { at = at })
  end

  -- Steps until there is nothing left to do, or somebody is in the way.
  local function clean_up(arguments)
    local total, steps = 0, 0
    while true do
      local step = connection:query(("select * from taskq.cleanup(%s%s)"):format(
        AGE, arguments or ""))[1]
      total, steps = total + step.removed, steps + 1
      if step.remains ~= "more" then
        return total, step.remains, steps
      end
    end
  end

  local function has(relation)
    return connection:value("select to_regclass('taskq.' || $1) is not null", relation)
  end

  local function kept()
    return connection:value("select count(*) from taskq.worker_tasks")
  end

  it("drops whole days and deletes of the boundary day, and corrects the counters", function()
    finish("completed", OLDER .. " 12:00Z")
    finish("failed", OLD .. " 00:00Z")
    finish("cancelled", OLD .. " 23:59:59Z")
    finish("completed", JUST_OLDER)
    finish("completed", JUST_YOUNGER)
    finish("completed")
    tasks.pending(connection)

    local total, remains = clean_up()

    assert.equal(4, total)
    assert.is_nil(remains)
    assert.equal(3, kept())
    for _, name in ipairs({ "worker_tasks_completed_20260109", "worker_tasks_failed_20260110",
      "worker_tasks_cancelled_20260110", "task_attempts_20260109" }) do
      assert.is_false(has(name))
    end
    assert.same({ { pending = 1, completed = 2, failed = 0, cancelled = 0, total = 3 } },
      connection:query("select pending, completed, failed, cancelled, total from taskq.stats()"))
  end)

  it("keeps to one status", function()
    finish("completed", OLD .. " 12:00Z")
    finish("failed", OLD .. " 12:00Z")

    assert.equal(1, (clean_up(", 'failed'")))

    assert.is_true(has("worker_tasks_completed_20260110"))
    assert.is_false(has("worker_tasks_failed_20260110"))
    assert.equal(1, connection:value("select completed from taskq.stats()"))
  end)

  it("keeps the attempts of days from which a task is kept", function()
    finish("completed", OLD .. " 12:00Z")
    finish("failed", OLD .. " 12:00Z")

    clean_up(", 'failed'")
    assert.is_true(has("task_attempts_20260110"))
    assert.is_false(has("task_attempts_20260109"))

    clean_up(", 'completed'")
    assert.is_false(has("task_attempts_20260110"))
  end)

  it("leaves the boundary day alone when asked for whole days", function()
    finish("completed", OLD .. " 12:00Z")
    finish("completed", JUST_OLDER)

    local total = clean_up(", whole_days => true")

    assert.equal(1, total)
    assert.equal(1, kept())
  end)

  it("deletes what had no day of its own", function()
    for _ = 1, 5 do
      finish("failed", "2026-01-01 12:00Z")
    end
    connection:query([[insert into taskq.task_attempts values
      (1, 1, 1, 7, 'a', 'error', 'boom', null, null, '2026-01-01 12:00Z')]])

    local total, _, steps = clean_up(", 'failed', most => 2")

    assert.equal(5, total)
    assert.is_true(steps >= 3)
    assert.equal(0, connection:value("select failed from taskq.stats()"))
    assert.equal(0, connection:value("select count(*) from taskq.task_attempts"))
  end)

  it("does not read tasks without a day that stay", function()
    connection:query([[insert into taskq.worker_tasks (type, status, finished_at)
      select 'a', 'completed', '2026-05-01Z' from generate_series(1, 20000)]])

    local _, scanned = tasks.rows_read(connection, ("select taskq.cleanup(%s)"):format(AGE))

    assert.equal(0, scanned)
    assert.equal(20000, kept())
  end)

  it("goes around a day that is in use, and says so", function()
    finish("completed", OLDER .. " 12:00Z")
    finish("failed", OLD .. " 12:00Z")
    local user <close> = database.connect(url)
    user:query("begin; select * from taskq.worker_tasks_completed_20260109")

    local total, remains = clean_up()
    assert.same({ 1, "busy" }, { total, remains })
    user:query("commit")

    total, remains = clean_up()
    assert.same({ 1, nil }, { total, remains })
  end)

  for what, relation in pairs({
    ["tasks without a day"] = "worker_tasks_failed_default",
    ["the boundary day"] = "worker_tasks_failed_%s",
    ["attempts without a day"] = "task_attempts_default",
  }) do
    it(("goes around %s while somebody is at work there"):format(what), function()
      finish("completed", OLD .. " 12:00Z")
      finish("failed", "2026-01-01 12:00Z")
      finish("failed", JUST_OLDER)
      local user <close> = database.connect(url)
      user:query(("begin; lock table taskq.%s in exclusive mode"):format(
        relation:format((BOUNDARY:gsub("-", "")))))

      local first, remains = clean_up()
      assert.equal("busy", remains)
      user:query("commit")

      local rest
      rest, remains = clean_up()
      assert.same({ 3, nil }, { first + rest, remains })
      assert.equal(0, connection:value("select total from taskq.stats()"))
    end)
  end

  it("counts a task that somebody holds, though the rest of its day is ready to go", function()
    local held = finish("failed", "2026-01-01 01:00Z")
    finish("failed", "2026-01-01 02:00Z")
    for _ = 1, 2 do
      connection:query("select taskq.settle_days(0)") -- one of both
    end
    local person <close> = database.connect(url)
    person:query("begin; select id from taskq.worker_tasks where id = $1 for update", held)
    local books <close> = database.connect(url)
    books:query("begin; select pg_advisory_xact_lock(hashtext('taskq.finished_counts'))")
    local other = process.start { "psql", "-XqAtc", ("select taskq.cleanup(%s)"):format(AGE), url }
    wait.wait_until(30, function()
      return not other:is_running() or connection:value([[select count(*) = 1 from pg_stat_activity
        where datname = current_database() and wait_event = 'advisory']])
    end, "it to wait for the books")

    person:query("rollback")
    books:query("commit")

    assert.equal(0, other:wait(), other:stderr())
    clean_up()
    assert.equal(0, kept())
    assert.equal(0, connection:value("select total from taskq.stats()"))
  end)

  it("leaves nothing behind on an empty queue", function()
    local total, remains = clean_up()

    assert.same({ 0, nil }, { total, remains })
    assert.is_false(has("worker_tasks_completed_20260109"))
    assert.is_true(has("worker_tasks_completed_default"))
  end)

  for what, arguments in pairs({
    ["no age"] = "null",
    ["a negative age"] = "'-1 second'",
    ["pending tasks"] = "'1 day', 'pending'",
    ["running tasks"] = "'1 day', 'running'",
    ["empty batches"] = "'1 day', most => 0",
  }) do
    it("refuses " .. what, function()
      assert.has_error(function()
        connection:query(("select taskq.cleanup(%s)"):format(arguments))
      end)
    end)
  end
end)

describe("taskq.compact_counts", function()
  local url, connection

  setup(function()
    url = database.fresh()
    connection = database.connect(url)
  end)

  teardown(function() connection:close() end)

  before_each(function() connection:query("truncate taskq.finished_counts") end)

  local function compact(arguments)
    return connection:value(("select taskq.compact_counts(%s)"):format(arguments or ""))
  end

  it("merges the rows of a day, status and type", function()
    connection:query([[insert into taskq.finished_counts values
      ('2026-01-01', 'completed', 'a', 10), ('2026-01-01', 'completed', 'a', 5),
      ('2026-01-01', 'completed', 'b', 1), ('2026-01-02', 'completed', 'a', 1),
      ('2026-01-01', 'failed', 'a', 2), ('2026-01-01', 'failed', 'a', -2)]])

    assert.equal(3, compact())

    assert.same({
      { day = "2026-01-01", type = "a", n = 15 }, { day = "2026-01-01", type = "b", n = 1 },
      { day = "2026-01-02", type = "a", n = 1 },
    }, connection:query("select day, type, n from taskq.finished_counts order by day, type"))
    assert.equal(0, compact())
  end)

  it("gets there in bounded steps", function()
    connection:query([[insert into taskq.finished_counts
      select '2026-01-01', 'completed', 'a', 1 from generate_series(1, 1000)]])

    for _ = 1, 200 do
      compact("10")
    end

    assert.equal(1, connection:value("select count(*) from taskq.finished_counts"))
    assert.equal(1000, connection:value("select completed from taskq.stats()"))
  end)

  it("neither waits for a batch of completions nor loses it", function()
    connection:query([[insert into taskq.finished_counts
      select '2026-01-01', 'completed', 'a', 1 from generate_series(1, 10)]])
    local batch <close> = database.connect(url)
    batch:query("begin")
    batch:query("insert into taskq.finished_counts values ('2026-01-01', 'completed', 'a', 7)")

    assert.equal(9, compact())
    batch:query("commit")

    assert.equal(17, connection:value("select completed from taskq.stats()"))
  end)

  it("counts right while batches come and several compact", function()
    local processes = {}

    for i = 1, 6 do
      local statement = i <= 3 and "select taskq.compact_counts(50);"
        or "insert into taskq.finished_counts values ('2026-01-01', 'completed', 'a', 1);"
      processes[i] = process.start({ "psql", "-XAtq", "--set", "ON_ERROR_STOP=1", url },
        { stdin = statement:rep(300, "\n") })
    end
    for _, one in ipairs(processes) do
      assert.equal(0, one:wait(60), one:stderr())
    end

    assert.equal(900, connection:value("select completed from taskq.stats()"))
  end)
end)
