--- `taskq migrate`: what it makes, and what it leaves alone.

local cluster = require "support.cluster"
local database = require "support.database"
local folder = require "support.folder"
local process = require "support.process"
local taskq = require "support.taskq"
local tasks = require "support.tasks"

local function migrate(url, arguments, env)
  local command = table.move(arguments or {}, 1, #(arguments or {}), 2, { "migrate" })
  return taskq.run(command, { database = url, env = env })
end

-- A copy of sql/ that may be changed; TASKQ_RESOURCES names it.
local function copy_of_sources()
  local path = folder.new()
  local copied = process.run({ "cp", "-r", "sql", path .. "/sql" })
  assert.equal(0, copied.code, copied.err)
  return path
end

local function append(path, text)
  folder.write(path, folder.read(path) .. text)
end

describe("taskq migrate", function()
  it("makes the schema and says what it did", function()
    local url = database.empty()

    local result = migrate(url)

    assert.equal(0, result.code, result.err)
    assert.matches("applied 0001_tasks\n", result.out)
    assert.matches("applied the functions\n", result.out)
    assert.equal("0001_tasks",
      database.value(url, "select name from taskq.migrations where version = 1"))
    assert.is_true(
      database.value(url, "select is_breaking from taskq.migrations where version = 1"))
  end)

  it("prints one JSON document with --json", function()
    local url = database.empty()

    local first, second = migrate(url, { "--json" }), migrate(url, { "--json" })

    assert.matches('^{"version":%d+,"applied":%["0001_tasks".*%],"functions_applied":true}\n$',
      first.out)
    assert.matches('^{"version":%d+,"applied":%[%],"functions_applied":false}\n$', second.out)
  end)

  it("may run in twenty processes at once", function()
    local url = database.empty()
    local processes = {}

    for i = 1, 20 do
      processes[i] = taskq.start({ "migrate" }, { database = url })
    end
    local output = ""
    for _, one in ipairs(processes) do
      assert.equal(0, one:wait(), one:stderr())
      output = output .. one:stdout()
    end

    local _, migrations = output:gsub("applied 0001_tasks", "")
    local _, functions = output:gsub("applied the functions", "")
    assert.equal(1, migrations)
    assert.equal(1, functions)
    assert.equal(1, database.value(url, "select count(*) from taskq.migrations where version = 1"))
  end)

  it("neither writes nor waits when everything is in place", function()
    local own = cluster.new({ settings = { autovacuum = "off" } })
    own:start()
    local url = own:url("postgres")
    assert.equal(0, migrate(url).code)
    local holder <close> = database.connect(url)
    holder:query("begin; select pg_advisory_xact_lock(hashtext('taskq.migrate'))")
    holder:query("lock table taskq.migrations, taskq.applied_functions in exclusive mode")
    local newest = "select pg_snapshot_xmax(pg_current_snapshot())::text"
    local before = database.value(url, newest)

    local result = migrate(url)

    assert.equal(0, result.code, result.err)
    assert.equal(before, database.value(url, newest))
    holder:close()
    own:stop("fast")
  end)

  it("applies the functions again when their text has changed", function()
    local url, sources = database.fresh(), copy_of_sources()
    append(sources .. "/sql/functions/stats.sql",
      "comment on function taskq.stats() is 'changed';\n")

    local changed = migrate(url, {}, { TASKQ_RESOURCES = sources })
    local again = migrate(url, {}, { TASKQ_RESOURCES = sources })

    assert.matches("applied the functions", changed.out)
    assert.not_matches("applied", again.out)
    assert.equal("changed", database.value(url,
      "select obj_description('taskq.stats()'::regprocedure, 'pg_proc')"))
  end)

  it("brings a database that is in use up to date", function()
    local url, sources = database.empty(), copy_of_sources()
    assert(os.remove(sources .. "/sql/migrations/0008_settling.sql"))
    assert.equal(0, migrate(url, {}, { TASKQ_RESOURCES = sources }).code)
    local connection <close> = database.connect(url)
    for _, status in ipairs({ "completed", "failed", "cancelled" }) do
      tasks.finished(connection, status, { at = "2026-01-10Z" })
    end
    connection:query("begin")
    tasks.finished(connection, "completed") -- in a day that is there

    local result = migrate(url)

    assert.matches("^applied 0008_settling\n", result.out)
    connection:query("commit")
    assert.equal(4, connection:value("select count(*) from taskq.worker_tasks"))
    assert.equal(1, connection:value("select moved + (select moved from taskq.settle_days()) "
      .. "from taskq.settle_days()"))
  end)

  it("takes back a migration that fails, and names it", function()
    local url, sources = database.empty(), copy_of_sources()
    append(sources .. "/sql/migrations/0001_tasks.sql", "select 1/0;\n")

    local result = migrate(url, {}, { TASKQ_RESOURCES = sources })

    assert.equal(1, result.code)
    assert.matches("^taskq: migration 0001_tasks: .*division by zero", result.err)
    assert.equal(0, database.value(url, "select count(*) from taskq.migrations"))
    assert.is_nil(database.value(url, "select to_regclass('taskq.worker_tasks')"))
    assert.equal(0, migrate(url).code)
  end)

  it("refuses a newer schema that older programs cannot live with", function()
    local url = database.fresh()
    database.query(url, "insert into taskq.migrations values (9999, '9999_future', true)")

    for _, command in ipairs({ "migrate", "stats" }) do
      local result = taskq.run({ command }, { database = url })

      assert.equal(4, result.code)
      assert.matches("update taskq", result.err)
    end
  end)

  it("refuses a schema with a gap, also an older one", function()
    local message = "taskq: the schema has version %d, but not migration 5: a taskq that lacked it "
      .. "has migrated this database. Apply sql/migrations/0005_events.sql by hand and record it "
      .. "in taskq.migrations, or begin with a new database\n"
    local url = database.fresh()
    local newest = database.value(url, "select max(version) from taskq.migrations")
    database.query(url, "delete from taskq.migrations where version = 5")

    for _, command in ipairs { "migrate", "stats" } do
      local result = taskq.run({ command }, { database = url })
      assert.same({ 4, message:format(newest) }, { result.code, result.err })
    end
    database.query(url, "delete from taskq.migrations where version = $1", newest)
    local result = migrate(url)

    assert.same({ 4, message:format(newest - 1) }, { result.code, result.err })
    assert.equal(newest - 1, database.value(url, "select max(version) from taskq.migrations"))
  end)

  it("leaves a newer schema alone that older programs can live with", function()
    local url = database.fresh()
    database.query(url, "insert into taskq.migrations values (9999, '9999_future', false)")
    database.query(url, "update taskq.applied_functions set text_hash = 'of the future'")

    local result = migrate(url)

    assert.equal(0, result.code, result.err)
    assert.equal("the schema has version 9999\n", result.out)
    assert.equal("of the future",
      database.value(url, "select text_hash from taskq.applied_functions"))
    assert.equal(0, taskq.run({ "stats" }, { database = url }).code)
  end)

  it("accepts a schema that somebody made for it", function()
    local url = database.empty()
    database.query(url, "create schema taskq")

    assert.equal(0, migrate(url).code)
  end)

  it("tells a role that may not create what it lacks", function()
    local url = database.empty()
    database.query(url, "drop role if exists visitor; create role visitor login")

    local result = migrate((url:gsub("postgres@", "visitor@", 1)))

    assert.equal(1, result.code)
    assert.matches("grant create on database spec_%d+ to visitor", result.err)
  end)

  it("says that a database is read-only", function()
    local url = database.empty()
    local name = url:match("/(spec_%d+)")
    database.query(url, ("alter database %s set default_transaction_read_only = on"):format(name))

    local result = migrate(url)

    assert.equal(3, result.code)
    assert.matches("read%-only", result.err)
  end)

  it("makes the days from today on", function()
    local url = database.fresh()

    local names = database.value(url, [[
      select count(*) from generate_series(0, 7) ahead
      cross join unnest(array['worker_tasks_completed', 'worker_tasks_failed',
        'worker_tasks_cancelled', 'task_attempts']) parent
      where to_regclass(format('taskq.%s_%s', parent,
        to_char((now() at time zone 'UTC')::date + ahead, 'YYYYMMDD'))) is not null]])

    assert.equal(32, names)
  end)
end)

describe("a command on a database that was not migrated", function()
  it("says so with exit code 4", function()
    for _, arguments in ipairs({ { "stats" }, { "enqueue", "a:b" }, { "worker" } }) do
      local result = taskq.run(arguments, { database = database.empty() })

      assert.equal(4, result.code)
      assert.equal("taskq: the database has no schema of taskq yet: run `taskq migrate`\n",
        result.err)
    end
  end)
end)
