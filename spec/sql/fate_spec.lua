--- fate.sql: what became of a transaction that completes a task, when its COMMIT was not answered.

local database = require "support.database"
local plans = require "support.plans"
local tasks = require "support.tasks"
local wait = require "support.wait"

describe("the fate of a transaction", function()
  local url, connection, handler

  setup(function()
    url = database.fresh()
    connection = database.connect(url)
    plans.prepare(connection, "fate")
  end)
  teardown(function() connection:close() end)

  before_each(function()
    handler = database.connect(url)
    plans.prepare(handler, "complete_one")
  end)
  after_each(function() handler:close() end)

  -- A transaction that has completed a task, but has not ended.
  local function complete()
    local id = tasks.running(connection)
    handler:query("begin")
    local row = handler:query("execute complete_one($1, 1, 7, 'true', null)", id)[1]
    assert.equal("done", row.state)
    return { id = id, pid = row.pid, xid = row.xid }
  end

  local function fate(of)
    return connection:value("execute fate($1, 1, 7, $2, $3)", of.id, of.pid, of.xid)
  end

  -- The id of another transaction, which has been committed.
  local function other_xid()
    return connection:value("select pg_current_xact_id()::text")
  end

  it("is told by the task that it completed", function()
    local of = complete()
    handler:query("commit")

    assert.equal("committed", fate(of))
  end)

  it("is not told by its id, which a server that has lost it gives to others", function()
    local of = complete()
    handler:query("rollback")

    of.xid = other_xid()
    assert.equal("committed", connection:value("select pg_xact_status($1::text::xid8)", of.xid))
    assert.equal("aborted", fate(of))

    of.xid = "999999999"
    assert.equal("aborted", fate(of))
  end)

  it("is that it was rolled back when the task is somebody else's", function()
    local of = complete()
    handler:query("rollback")
    tasks.requeue(connection, of.id)
    assert.equal("aborted", fate(of))

    tasks.finish(connection, tasks.claim(connection, of.id, 8), "completed")
    assert.equal("aborted", fate(of))
  end)

  it("is decided by ending its backend while it has not ended", function()
    for _, savepoint in ipairs { "select", "savepoint a" } do
      handler:query("begin")
      handler:query(savepoint)
      local of = complete()

      assert.equal("in progress", fate(of))
      wait.wait_until(30, function() return fate(of) == "aborted" end, "it to be decided")

      handler = database.connect(url)
      plans.prepare(handler, "complete_one")
    end
  end)

  it("is waited for while somebody else has the task locked, who goes on", function()
    local of = complete()
    handler:query("rollback")
    handler:query("begin")
    handler:query("select from taskq.worker_tasks_live where id = $1 for update", of.id)
    of.xid = handler:value("select pg_current_xact_id()::text")
    of.pid = of.pid + 1

    assert.equal("in progress", fate(of))

    handler:query("commit")
    assert.equal("aborted", fate(of))
  end)
end)
