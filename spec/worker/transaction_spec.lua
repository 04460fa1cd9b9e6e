--- context.transaction: the handler's writes and the completion of its task, in one commit.

local cjson = require "cjson"
local database = require "support.database"
local worker = require "support.worker"

describe("context.transaction", function()
  local queue, process

  before_each(function()
    queue = worker.queue()
    queue.db:query("create table effects (task bigint primary key deferrable initially deferred)")
    process = queue:start({ "--threads", "1", "--concurrency", "10" })
  end)
  after_each(function()
    worker.stop(process)
    queue:await(30, "the connections to be closed", [[
      select count(*) = 0 from pg_stat_activity
      where datname = current_database() and application_name = 'taskq handler']])
    queue:close()
  end)

  local EFFECT = [[
    local function effect(db)
      return assert(db.query("insert into effects values ($1)", context.task.id))
    end ]]

  local function enqueue(body, options)
    return queue:enqueue(options and options.type or "lua", { body = EFFECT .. body,
      gate = queue.gate }, { max_attempts = options and options.attempts or 1 })
  end

  local function await_end(id)
    queue:await(30, "the task's end",
      "select status::text not in ('pending', 'running') from taskq.worker_tasks where id = $1", id)
    return queue:task(id)
  end

  local function run(body, options)
    return await_end(enqueue(body, options))
  end

  local function effects()
    return queue.db:value("select count(*) from effects")
  end

  local function assert_failed(pattern, body, options)
    local task = run(body, options)
    assert.equal("failed", task.status, task.result)
    assert.matches(pattern, task.error)
    assert.equal(0, effects())
    return task
  end

  it("commits what the function does, and completes the task with what it returns", function()
    local task = run([[
      local result = context.transaction(function(db)
        effect(db)
        return { total = 7 }
      end)
      note(result.total)
      return "ignored"]])

    assert.same({ "completed", '{"total": 7}' }, { task.status, task.result })
    queue:await_notes(1, "7") -- the handler goes on when the task is completed
    assert.same({ "7" }, queue:notes())
    assert.equal(1, effects())
    assert.is_true(queue.db:value("select finished_at > started_at from taskq.worker_tasks"))
    queue:assert_completed(1)
  end)

  it("leaves the task completed, whatever the handler does then", function()
    for _, late in ipairs { 'error("too late")', "return { success = false, error = 'no' }",
      "taskq.sleep(60000)" } do
      local task = run([[assert(context.transaction(function(db)
        effect(db)
        return "done"
      end))
      ]] .. late, { type = "lua:brief" })

      assert.same({ "completed", '"done"' }, { task.status, task.result })
    end
    worker.await_log(process, "kind=timeout")

    assert.equal(0, queue.db:value("select count(*) from taskq.task_attempts"))
    assert.equal(3, select(2, process:stderr():gsub("after its transaction had completed", "")))
    queue:assert_completed(3)
    worker.stop(process)
    assert.matches("completed=3 failed=0 retried=0 given_back=0 lost=0", process:stderr(), 1, true)
  end)

  it("rolls back when the function raises, and lets the error go on", function()
    assert_failed("^body:%d+: enough$", [[
      return context.transaction(function(db)
        effect(db)
        error("enough")
      end)]])
    assert.matches("taskq/transaction", queue.db:value("select traceback from taskq.task_attempts"))

    assert.equal('["mine", 0, 0]', run([[
      local ok, err = pcall(context.transaction, function(db)
        effect(db)
        error("mine", 0)
      end)
      return { err, taskq.query("select count(*) as n from effects")[1].n,
        taskq.query("select count(*) as n from pg_stat_activity "
          .. "where datname = current_database() and application_name = 'taskq handler' "
          .. "and state like 'idle in%'")[1].n }]]).result)
  end)

  it("fails with the first error of a statement, also when nobody looks at it", function()
    local task = assert_failed("^division by zero$", [[
      return context.transaction(function(db)
        effect(db)
        db.query("select 1/0")
        db.query("select 2")
        return "fine"
      end)]])

    assert.equal("transaction",
      queue.db:value("select kind from taskq.task_attempts"), task.error)
  end)

  it("fails when the commit does", function()
    queue.db:query("insert into effects values (0)")
    local task = run([[
      local result, message, code = context.transaction(function(db)
        assert(db.query("insert into effects values (0)"))
        return "fine"
      end)
      return { result == nil, message, code }]])

    local result = cjson.decode(task.result)
    assert.same({ true, "23505" }, { result[1], result[3] })
    assert.matches("duplicate key", result[2])
    assert.equal(1, effects())
  end)

  it("may go back to a savepoint", function()
    local task = run([[
      return context.transaction(function(db)
        effect(db)
        assert(db.query("savepoint a"))
        local _, _, code = db.query("select 1/0")
        assert(db.query("rollback to a"))
        return code
      end)]])

    assert.same({ "completed", '"22012"' }, { task.status, task.result })
    assert.equal(1, effects())
  end)

  it("may be tried again after it failed", function()
    local task = run([[
      for _, sql in ipairs { "select 1/0", "select 1" } do
        local result = context.transaction(function(db)
          effect(db)
          db.query(sql)
          return sql
        end)
        note(result)
      end]])

    assert.same({ "completed", '"select 1"' }, { task.status, task.result })
    queue:await_notes(1, "select 1")
    assert.same({ "nil", "select 1" }, queue:notes())
    assert.equal(1, effects())
  end)

  it("is joined by taskq.query", function()
    assert_failed("^undo$", [[
      context.transaction(function(db)
        assert(taskq.query("insert into effects values ($1)", context.task.id))
        assert(#db.query("select from effects") == 1)
        error("undo", 0)
      end)]])
  end)

  it("refuses to nest, to come twice, and to be used afterwards", function()
    local task = run([[
      local function message(...) return (select(2, pcall(...))) end
      local kept, nested
      context.transaction(function(db)
        kept = db
        nested = message(function() context.transaction(print) end)
      end)
      note(nested)
      note(message(function() kept.query("select 1") end))
      note(message(function() context.transaction(print) end))
      note(message(function() context.transaction(5) end))]])

    assert.equal("completed", task.status)
    queue:await_notes(4, "body:")
    assert.same({
      "body:8: context.transaction: one is open already; they do not nest",
      "body:11: db.query: the transaction is over; use taskq.query",
      "body:12: context.transaction: an earlier one has settled the task; "
        .. "use taskq.query for what comes after it",
      "body:13: bad argument #1 to 'transaction' (function expected, got number)",
    }, queue:notes())
  end)

  it("refuses statements that end it", function()
    for _, sql in ipairs { "commit", "commit and chain", "rollback" } do
      assert_failed("^a statement of the handler ended the transaction", ([[
        return context.transaction(function(db)
          effect(db)
          db.query("delete from effects")
          db.query(%q)
          return "fine"
        end)]]):format(sql))
    end
  end)

  it("refuses a result that is not JSON, and rolls back", function()
    assert_failed("context.transaction: the result.list%[1%]: a function is not JSON$", [[
      return context.transaction(function(db)
        effect(db)
        return { list = { print } }
      end)]])
  end)

  it("is rolled back when the task is stopped, also while it waits for something else", function()
    for _, wait in ipairs { 'db.query("select pg_sleep(3600)")', "taskq.sleep(3600000)",
      "while true do pcall(taskq.sleep, 3600000) end", "while true do end" } do
      assert_failed("^timeout: ", ([[
        return context.transaction(function(db)
          effect(db)
          %s
        end)]]):format(wait), { type = "lua:brief" })
    end

    queue:await(30, "the server to roll back", [[
      select count(*) = 0 from pg_stat_activity where datname = current_database()
        and application_name = 'taskq handler' and state <> 'idle']])
  end)

  it("is rolled back when the task is cancelled", function()
    local id = enqueue([[
      return context.transaction(function(db)
        effect(db)
        note("in it")
        db.query("select pg_sleep(3600)")
      end)]])
    queue:await_notes(1, "in it")

    queue.db:query("select taskq.cancel($1)", id)

    assert.equal("cancelled", await_end(id).status)
    assert.equal(0, effects())
  end)

  -- Stops in the transaction, until the gate is open.
  local WAITING = [[
    return context.transaction(function(db)
      effect(db)
      note("in it")
      while not io.open(context.task.payload.gate) do taskq.sleep(5) end
      return "done"
    end)]]

  it("is rolled back when the task was taken over meanwhile", function()
    local id = enqueue(WAITING)
    queue:await_notes(1, "in it")
    queue.db:query("update taskq.worker_tasks_live set claims = claims + 1 where id = $1", id)
    queue:open_gate()
    worker.await_log(process, "outcome not written")

    assert.equal(0, effects())
    assert.same({ "running", 2 }, { queue:task(id).status, queue:task(id).claims })
    queue.db:query("delete from taskq.worker_tasks_live")
    worker.stop(process)
    assert.matches("completed=0 failed=0 retried=0 given_back=0 lost=1", process:stderr(), 1, true)
  end)

  it("finds the task though its row has moved, and waits for whoever has it locked", function()
    local id = enqueue(WAITING)
    queue:await_notes(1, "in it")
    queue.db:query("update taskq.worker_tasks_live set error = 'moved' where id = $1", id)
    local other <close> = database.connect(queue.url)
    other:query("begin")
    other:query("select from taskq.worker_tasks_live where id = $1 for update", id)
    queue:open_gate()
    queue:await(30, "the completion to find it locked", [[
      select exists (
        select from pg_stat_activity
        where datname = current_database() and application_name = 'taskq handler'
          and query like '%Completes one task inside%' and state = 'idle in transaction')]])

    assert.equal("running", queue:task(id).status)
    other:query("rollback")

    local task = await_end(id)
    assert.same({ "completed", '"done"' }, { task.status, task.result })
    assert.equal(1, effects())
  end)

  it("ends with an error when its connection is lost, and the next attempt succeeds", function()
    local id = enqueue(WAITING, { attempts = 2 })
    queue:await_notes(1, "in it")
    queue:terminate("handler")
    queue:open_gate()

    local task = await_end(id)
    assert.same({ "completed", 2 }, { task.status, task.attempts })
    assert.equal(1, effects())
    assert.equal("transaction", queue.db:value("select kind from taskq.task_attempts"))
  end)

  it("is lost with its connection also while its completion waits for a lock", function()
    local id = enqueue(WAITING, { attempts = 2 })
    queue:await_notes(1, "in it")
    local other <close> = database.connect(queue.url)
    other:query("begin")
    other:query("select from taskq.worker_tasks_live where id = $1 for update", id)
    queue:open_gate()
    queue:await(30, "the completion to wait", [[
      select exists (
        select from pg_stat_activity
        where datname = current_database() and application_name = 'taskq handler'
          and query like '%Completes one task inside%' and state = 'idle in transaction')]])

    queue:terminate("handler")
    other:query("rollback")

    local task = await_end(id)
    assert.same({ "completed", 2 }, { task.status, task.attempts })
    assert.equal(1, effects())
    assert.equal("transaction", queue.db:value("select kind from taskq.task_attempts"))
  end)
end)
