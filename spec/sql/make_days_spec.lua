--- taskq.make_days: days ahead, and what is in their way.

local database = require "support.database"
local process = require "support.process"
local tasks = require "support.tasks"

describe("taskq.make_days", function()
  local DROP_DAYS = [[
    do $$
    declare
      child text;
    begin
      for child in
        select relname from pg_class
        where relnamespace = 'taskq'::regnamespace and relkind = 'r' and relname ~ '_[0-9]{8}$'
      loop
        execute format('drop table taskq.%I', child);
      end loop;
    end
    $$]]
  local url

  before_each(function()
    url = database.fresh()
    database.query(url, DROP_DAYS)
  end)

  it("makes each day once", function()
    assert.equal(12, database.value(url, "select taskq.make_days(2)"))
    assert.equal(0, database.value(url, "select taskq.make_days(2)"))
    assert.equal(4, database.value(url, "select taskq.make_days(3)"))
  end)

  it("makes days of UTC, whatever the zone of the session", function()
    local connection <close> = database.connect(url)
    connection:query("set timezone = 'Pacific/Kiritimati'")

    connection:query("select taskq.make_days(0)")

    connection:query("set timezone = 'UTC'")
    local day = connection:value("select to_char(now(), 'YYYY-MM-DD')")
    local bound = connection:value([[select pg_get_expr(relpartbound, oid) from pg_class
      where oid = ('taskq.worker_tasks_completed_' || to_char(now(), 'YYYYMMDD'))::regclass]])
    assert.matches("FROM ('" .. day .. " 00:00:00+00')", bound, 1, true)
  end)

  it("may be called by several sessions at once", function()
    local processes = {}

    for i = 1, 8 do
      processes[i] = process.start({ "psql", "-XAtc", "select taskq.make_days(5)", url })
    end
    local made = 0
    for _, one in ipairs(processes) do
      assert.equal(0, one:wait(), one:stderr())
      made = made + math.tointeger(tonumber(one:stdout()))
    end

    assert.equal(24, made)
  end)

  it("leaves a status in its default while that has rows of the day", function()
    database.query(url, [[insert into taskq.worker_tasks (type, status, finished_at)
      values ('a', 'completed', now())]])

    assert.equal(7, database.value(url, "select taskq.make_days(1)"))
    assert.equal(1, database.value(url, "select count(*) from taskq.worker_tasks"))
  end)

  it("makes an index by id for each day of tasks", function()
    database.query(url, "select taskq.make_days(0)")

    assert.equal(3, database.value(url, [[select count(*) from pg_indexes
      where schemaname = 'taskq' and indexname ~ '_[0-9]{8}_by_id$']]))
  end)

  it("makes the index of attempts once", function()
    database.query(url, "select taskq.make_days(0)")

    assert.equal(1, database.value(url, [[select count(*) from pg_indexes
      where schemaname = 'taskq' and tablename ~ 'task_attempts_[0-9]{8}$']]))
  end)

  describe("beside a default that has many rows", function()
    local connection

    before_each(function()
      connection = database.connect(url)
      connection:query([[insert into taskq.worker_tasks (type, status, finished_at)
        select 'a', 'completed', '2026-01-10Z' from generate_series(1, 1000)]])
    end)

    after_each(function() connection:close() end)

    it("reads them once, however many days it makes", function()
      local _, scanned = tasks.rows_read(connection, "select taskq.make_days(7)")

      assert.equal(1000, scanned)
      assert.equal(0, connection:value("select count(*) from pg_constraint where conname = $1",
        "rows_are_of_other_days"))
    end)

    it("lets tasks complete in days that are there", function()
      connection:query("select taskq.make_days(0)")
      local maker <close> = database.connect(url)
      maker:query("begin; select taskq.make_days(7)")

      connection:query("set lock_timeout = '30s'")
      tasks.finished(connection, "completed")
    end)
  end)
end)
