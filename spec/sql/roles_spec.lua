--- What each role may do, and that it may do nothing else.

local cluster = require "support.cluster"
local database = require "support.database"
local folder = require "support.folder"
local process = require "support.process"
local taskq = require "support.taskq"
local tasks = require "support.tasks"

local ROLES = { "producer", "worker", "reader", "admin", "stranger" }

-- Statements, and who may run them; $ stands for the id of a task that has failed.
local STATEMENTS = {
  { "select taskq.enqueue('a')", "producer", "worker", "admin" },
  { [[select taskq.enqueue_many('[{"type": "a"}]')]], "producer", "worker", "admin" },
  { "insert into taskq.worker_tasks (type) values ('a') returning id",
    "producer", "worker", "admin" },
  { "insert into taskq.worker_tasks (type, payload, priority, max_attempts, scheduled_at) "
    .. "values ('a', '{}', 1, 2, now())", "producer", "worker", "admin" },
  { "insert into taskq.worker_tasks (id, type) values (1, 'a')" },
  { "insert into taskq.worker_tasks (type, status) values ('a', 'running')" },
  { "insert into taskq.worker_tasks (type, claims) values ('a', 1)" },
  { "insert into taskq.worker_tasks (type, attempts) values ('a', 1)" },
  { "insert into taskq.worker_tasks (type, created_at) values ('a', now())" },
  { "insert into taskq.worker_tasks_live (type) values ('a')" },
  { "insert into taskq.worker_tasks_finished (type, status, finished_at) "
    .. "values ('a', 'failed', now())", "worker" },
  { "insert into taskq.worker_tasks_failed (type, status, finished_at) "
    .. "values ('a', 'failed', now())" },

  { "select id from taskq.worker_tasks", "producer", "worker", "reader", "admin" },
  { "select payload from taskq.worker_tasks", "reader", "admin" },
  { "select payload from taskq.worker_tasks_live", "worker", "reader", "admin" },
  { "select payload from taskq.worker_tasks_finished", "worker", "reader", "admin" },
  { "select error from taskq.worker_tasks_finished", "reader", "admin" },
  { "select error from taskq.task_attempts", "reader", "admin" },
  { "select kind from taskq.task_attempts", "worker", "reader", "admin" },
  { "select n from taskq.finished_counts", "worker", "reader", "admin" },
  { "select name from taskq.workers", "worker", "reader", "admin" },
  { "select id from taskq.cancel_requests", "worker", "reader", "admin" },
  { "select version from taskq.migrations", "producer", "worker", "reader", "admin" },
  { "select text_hash from taskq.applied_functions", "producer", "worker", "reader", "admin" },
  { "select pending from taskq.stats()", "worker", "reader", "admin" },
  { "select taskq.unhandled_types()", "worker", "reader", "admin" },
  { "select taskq.show($)", "reader", "admin" },
  { "select id from taskq.list()", "reader", "admin" },
  { "select id from taskq.list('failed', 'a*', 5, 100)", "reader", "admin" },

  { "update taskq.worker_tasks set priority = 1" },
  { "update taskq.worker_tasks set status = 'failed'" },
  { "update taskq.worker_tasks_finished set error = 'x'" },
  { "update taskq.worker_tasks_live set status = 'running', claims = claims + 1, error = null, "
    .. "attempts = attempts + 1, started_at = now(), worker_id = 7, scheduled_at = now()",
    "worker" },
  { "update taskq.worker_tasks_live set payload = '{}'" },
  { "update taskq.worker_tasks_live set type = 'b'" },
  { "update taskq.worker_tasks_live set id = id" },
  { "update taskq.worker_tasks_live set max_attempts = 9" },
  { "delete from taskq.worker_tasks" },
  { "delete from taskq.worker_tasks_live", "worker" },
  { "delete from taskq.worker_tasks_finished" },
  { "truncate taskq.worker_tasks" },

  { "insert into taskq.finished_counts values ('2026-01-01', 'failed', 'a', 1)", "worker" },
  { "update taskq.finished_counts set n = 0" },
  { "delete from taskq.finished_counts" },
  { "insert into taskq.task_attempts values (1, 1, 1, 7, 'a', 'k', 'e', null, null, now())",
    "worker" },
  { "delete from taskq.task_attempts" },
  { "insert into taskq.workers (id, name, host, pid, version, types, lease_until) "
    .. "values (1, 'n', 'h', 1, 'v', '{}', now())", "worker" },
  { "delete from taskq.workers", "worker" },
  { "insert into taskq.cancel_requests values (1, 1)" },
  { "delete from taskq.cancel_requests" },
  { "insert into taskq.migrations values (9, 'x', false)" },
  { "delete from taskq.applied_functions" },

  { "select nextval('taskq.task_id')", "producer", "worker", "admin" },
  { "select setval('taskq.task_id', 1)" },
  { "select last_value from taskq.awake_until", "producer", "worker", "admin" },
  { "select setval('taskq.awake_until', 1)", "worker" },
  { "select last_value from taskq.heard_until", "producer", "worker", "admin" },
  { "select setval('taskq.heard_until', 1)", "worker" },
  { "select last_value from taskq.followed_until", "worker" },
  { "select taskq.follow()", "reader", "admin" },
  { "select taskq.notify_created()", "producer", "worker", "admin" },

  { "select taskq.cancel(taskq.enqueue('a'))", "worker", "admin" },
  { "select taskq.retry($)", "worker", "admin" },
  { "insert into taskq.worker_tasks (type) values ('a') returning id, scheduled_at, created_at",
    "worker", "admin" },
  { "select taskq.retry_many()", "admin" },
  { "select taskq.cleanup('1 year')", "worker", "admin" },
  { "select taskq.compact_counts()", "worker", "admin" },
  { "select taskq.settle_cancel_requests()", "worker", "admin" },
  { "select taskq.make_days(30)", "worker", "admin" },
  { "select taskq.settle_days()", "worker", "admin" },
  { "select taskq.days_of('taskq.worker_tasks_failed')", "admin" },

  { "create table taskq.mine ()" },
  { "create function taskq.mine() returns int language sql as 'select 1'" },
  { "alter table taskq.worker_tasks disable trigger worker_tasks_notify_workers" },
  { "drop table taskq.worker_tasks_completed_default" },
  { "drop trigger worker_tasks_notify_workers on taskq.worker_tasks" },
}

describe("roles", function()
  local url, connection, failed

  -- The database as somebody who has one of the roles.
  local function as(role)
    return (url:gsub("postgres@", "spec_" .. role .. "@", 1))
  end

  setup(function()
    url = database.fresh()
    connection = database.connect(url)
    for _, role in ipairs(ROLES) do
      connection:query(("create role spec_%s login"):format(role))
      if role ~= "stranger" then
        connection:query(("grant taskq_%s to spec_%s"):format(role, role))
      end
    end
    failed = tasks.finished(connection, "failed")
    tasks.pending(connection)
  end)

  teardown(function()
    for _, role in ipairs(ROLES) do
      connection:query(("drop role spec_%s"):format(role))
    end
    connection:close()
  end)

  -- Whether a statement is let through, in a transaction that is taken back.
  local function may(visitor, sql)
    visitor:query("begin")
    local is_done, message = pcall(visitor.query, visitor, sql)
    visitor:query("rollback")
    if not is_done then
      message = tostring(message)
      assert(message:find("permission denied", 1, true) or message:find("must be owner", 1, true),
        sql .. ": " .. message)
    end
    return is_done
  end

  for _, role in ipairs(ROLES) do
    it(role .. " may do its part and nothing else", function()
      local visitor <close> = database.connect(as(role))
      local wrong = {}

      for _, statement in ipairs(STATEMENTS) do
        local expected = false
        for i = 2, #statement do
          expected = expected or statement[i] == role
        end
        local sql = statement[1]:gsub("%$", tostring(failed))
        if may(visitor, sql) ~= expected then
          wrong[#wrong + 1] = (expected and "may not: " or "may: ") .. sql
        end
      end

      assert.same({}, wrong)
    end)
  end

  it("a producer's plain insert, function call and COPY wake the workers", function()
    for _, statement in ipairs({
      "insert into taskq.worker_tasks (type) values ('a');", "select taskq.enqueue('a');",
      "copy taskq.worker_tasks (type, payload) from stdin;\na\t{}\n\\.\n",
    }) do
      local result = process.run({ "psql", "-XqAt", "--set", "ON_ERROR_STOP=1", as("producer") },
        { stdin = "listen taskq;\n" .. statement .. "\n" })

      assert.equal(0, result.code, result.err)
      assert.matches('notification "taskq"', result.out)
    end
  end)

  it("the commands work for those whose part they are", function()
    local id = tasks.pending(connection)

    assert.equal(0, taskq.run({ "enqueue", "a" }, { database = as("producer") }).code)
    assert.equal(0, taskq.run({ "stats" }, { database = as("reader") }).code)
    assert.equal(0, taskq.run({ "show", id }, { database = as("reader") }).code)
    assert.equal(0, taskq.run({ "list", "--json" }, { database = as("reader") }).code)
    assert.equal(0, taskq.run({ "cancel", id }, { database = as("admin") }).code)
    assert.equal(0, taskq.run({ "retry", id }, { database = as("admin") }).code)
    assert.equal(0, taskq.run({ "cleanup", "--older-than=1d" }, { database = as("admin") }).code)

    local refused = taskq.run({ "cancel", id }, { database = as("reader") })
    assert.equal(1, refused.code)
    assert.equal("taskq: cancel: permission denied for function cancel; "
      .. "ask the owner of the schema taskq to grant this role taskq_producer, taskq_worker, "
      .. "taskq_reader or taskq_admin\n", refused.err)
  end)

  it("a real worker needs no more than its role", function()
    local handlers = folder.new()
    folder.write(handlers .. "/all.lua", [[
      return {
        { type = "good", handler = function() return { ok = true } end },
        { type = "bad", max_attempts = 2, backoff = { kind = "fixed", base = 1, cap = 1 },
          handler = function() error("boom") end },
      }]])
    connection:query("delete from taskq.worker_tasks_live")
    local producer <close> = database.connect(as("producer"))
    local good, bad = tasks.pending(producer, "'good'"), tasks.pending(producer, "'bad'")
    producer:query("insert into taskq.worker_tasks (type) values ('good')")
    local orphan = tasks.running(connection, "'good'") -- of a worker that is not there any more

    local result = taskq.run({ "worker", "--handlers", handlers, "--until-empty",
      "--stale-task-check-interval=100" }, { database = as("worker"), timeout = 60 })

    assert.equal(0, result.code, result.err)
    assert.not_matches("permission denied", result.err)
    assert.equal("completed", tasks.row(connection, good).status)
    assert.equal("completed", tasks.row(connection, orphan).status)
    assert.equal("failed", tasks.row(connection, bad).status)
    assert.equal(2, connection:value("select count(*) from taskq.task_attempts where task_id = $1",
      bad))
  end)
end)

describe("taskq migrate by a role that may not make roles", function()
  local own, url

  setup(function()
    own = cluster.new()
    own:start()
    local admin = own:url("postgres")
    database.query(admin, "create role owner login")
    database.query(admin, "create database app owner owner")
    url = own:url("app")
  end)

  teardown(function() own:stop("immediate") end)

  local function migrate(...)
    return taskq.run({ "migrate", ... }, { database = (url:gsub("postgres@", "owner@", 1)) })
  end

  it("prints what an administrator must run, and goes on", function()
    local first, second = migrate(), migrate()

    assert.equal(0, first.code, first.err)
    assert.matches("run these statements, and then `taskq migrate` again:\n"
      .. "create role taskq_producer nologin;\ncreate role taskq_worker nologin;\n"
      .. "create role taskq_reader nologin;\ncreate role taskq_admin nologin;\n$", first.err)
    assert.equal("", second.err)

    database.query(url, (first.err:match("again:\n(.*)$")))
    local third, fourth = migrate(), migrate()

    assert.matches("^granted the roles what they need\n", third.out)
    assert.equal("", third.err)
    assert.not_matches("granted", fourth.out)
    assert.is_true(database.value(url, "select has_function_privilege('taskq_admin', "
      .. "'taskq.cancel(bigint)', 'execute')"))
  end)
end)
