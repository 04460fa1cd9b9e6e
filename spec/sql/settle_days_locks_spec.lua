--- What others may do while a step of taskq.settle_days is under way, and what they wait for.

local database = require "support.database"
local process = require "support.process"
local tasks = require "support.tasks"
local wait = require "support.wait"

local DAY = "2026-01-10 "
local WAITING = [[select count(*) from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock']]

-- Notes for each command of DDL whether the session keeps others out of the status or its default.
local WATCH = [[
  create table commands (n serial, tag text, keeps_out boolean);
  create function note() returns event_trigger language plpgsql as $$
  begin
    insert into public.commands (tag, keeps_out) select tg_tag, exists (
      select from pg_locks l
      where l.pid = pg_backend_pid()
        and l.relation in ('taskq.worker_tasks_failed'::regclass,
          'taskq.worker_tasks_failed_default'::regclass)
        and l.mode = 'AccessExclusiveLock'
    );
  end $$;
  create event trigger note on ddl_command_start execute function note()]]

describe("while taskq.settle_days is at work", function()
  local url, connection, ids

  before_each(function()
    url = database.fresh()
    connection = database.connect(url)
    connection:query("set lock_timeout = '30s'")
    ids = {}
    for hour = 1, 6 do
      ids[hour] = tasks.finished(connection, "failed", { at = DAY .. hour .. ":00Z" })
    end
  end)

  after_each(function() connection:close() end)

  -- The first step only adds a check.
  local function begin_to_move()
    local janitor = database.connect(url)
    janitor:query("select taskq.settle_days(2)")
    janitor:query("begin; select taskq.settle_days(2)")
    return janitor
  end

  -- Runs a statement while rows move, which ends once it waits; returns what it printed.
  local function meet(statement)
    local janitor <close> = begin_to_move()
    local other = process.start({ "psql", "-XqAtc", statement, url })
    wait.wait_until(30, function() return connection:value(WAITING) == 1 end, "it to wait")
    janitor:query("commit")
    assert.equal(0, other:wait(), other:stderr())
    return (other:stdout():gsub("%s+$", ""))
  end

  local function counted()
    return connection:query("select failed, pending, total from taskq.stats()")[1]
  end

  it("nobody else is kept out but to attach what has been moved and checked", function()
    connection:query(WATCH)
    connection:query("select taskq.settle_days(2)")
    connection:query("truncate commands")

    connection:query("select taskq.settle_days(2)")

    assert.same({
      { tag = "CREATE TABLE", keeps_out = false },
      { tag = "CREATE INDEX", keeps_out = false },
      { tag = "ALTER TABLE", keeps_out = false }, -- validate
      { tag = "ALTER TABLE", keeps_out = true }, -- attach
      { tag = "ALTER TABLE", keeps_out = true }, -- the check goes
    }, connection:query("select tag, keeps_out from commands order by n"))
  end)

  it("a retry finds the task that is being moved", function()
    assert.equal("retried", meet(("select taskq.retry(%d)"):format(ids[6])))

    assert.same({ failed = 5, pending = 1, total = 6 }, counted())
  end)

  it("a retry of many passes over none", function()
    assert.equal("6", meet("select retried from taskq.retry_many()"))

    assert.same({ failed = 0, pending = 6, total = 6 }, counted())
  end)

  it("a cleanup leaves what has no day for later, and then passes over none", function()
    local janitor <close> = begin_to_move()
    local clean_up = "select * from taskq.cleanup('100 days')"

    local step = connection:query(clean_up)[1]
    janitor:query("commit")

    assert.same({ removed = 0, remains = "busy" }, step)
    local removed = 0
    repeat
      step = connection:query(clean_up)[1]
      removed = removed + step.removed
    until step.remains ~= "more"
    assert.same({ 6, nil }, { removed, step.remains })
    assert.same({ failed = 0, pending = 0, total = 0 }, counted())
  end)

  it("a reader sees each task once", function()
    assert.equal("6", meet("select count(*) from taskq.worker_tasks"))
  end)

  it("a task completes", function()
    assert.equal("1", meet([[insert into taskq.worker_tasks_finished (type, status, finished_at)
      values ('a', 'failed', now()) returning 1]]))
  end)

  it("days are made after it", function()
    connection:query("drop table taskq.worker_tasks_failed_" .. os.date("!%Y%m%d"))

    assert.equal("1", meet("select taskq.make_days()"))
  end)

  for _, relation in ipairs { "worker_tasks_failed", "worker_tasks_failed_default" } do
    it("nothing is moved in vain while somebody reads " .. relation, function()
      connection:query(WATCH)
      connection:query("select taskq.settle_days(2)")
      local reader <close> = database.connect(url)
      reader:query(("begin; lock table only taskq.%s in access share mode"):format(relation))
      local begun = connection:value("select last_value from commands_n_seq") -- also in vain

      local step = connection:query("select * from taskq.settle_days(2)")[1]

      assert.same({ moved = 0, remains = "busy" }, step)
      assert.equal(begun, connection:value("select last_value from commands_n_seq"))
      reader:query("commit")
      assert.equal(3, connection:value("select moved from taskq.settle_days(2)"))
    end)
  end

  it("a day that somebody retries a task of is left for later", function()
    connection:query("select taskq.settle_days(2)")
    local person <close> = database.connect(url)
    person:query(("begin; select taskq.retry(%d)"):format(ids[6]))

    local step = connection:query("select * from taskq.settle_days(2)")[1]

    assert.same({ moved = 0, remains = "busy" }, step)
    person:query("commit")
    assert.equal(2, connection:value("select moved from taskq.settle_days(2)"))
    assert.same({ failed = 5, pending = 1, total = 6 }, counted())
  end)
end)
