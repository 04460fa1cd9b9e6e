--- A server that answers, and refuses: told once a reason, and tried again.

local uv = require "luv"
local taskq = require "support.taskq"
local worker = require "support.worker"

local REFUSED = "cannot register this worker; trying again"

local function count(text, wanted)
  return select(2, text:gsub(wanted, ""))
end

describe("a worker that the server refuses", function()
  local queue, process

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function start(url)
    process = taskq.start({ "worker", "--handlers", worker.HANDLERS }, { database = url })
    worker.await_log(process, REFUSED)
  end

  it("says so once, and works when its role has its rights", function()
    local role = ("refused_%d"):format(uv.hrtime())
    local id = queue:enqueue("note")
    queue.db:query(("create role %s login in role taskq_producer"):format(role))
    finally(function() queue.db:query("drop role " .. role) end)
    start((queue.url:gsub("postgres@", role .. "@", 1)))
    worker.await_log(process, "cannot look behind the cursors") -- a second later

    queue.db:query(("grant taskq_worker to %s"):format(role))
    queue:await(30, "the task to be completed", ([[
      select status = 'completed' from taskq.worker_tasks where id = %d]]):format(id))

    worker.stop(process)
    assert.equal(1, count(process:stderr(), REFUSED))
    assert.matches("permission denied for table workers; ask the owner of the schema taskq to "
      .. "grant this role [%w_, ]*taskq_worker", process:stderr())
  end)

  it("says that the database is read-only", function()
    local name = queue.db:value("select current_database()")
    queue.db:query(("alter database %s set default_transaction_read_only = on"):format(name))

    start(queue.url)

    worker.stop(process)
    assert.matches(REFUSED .. ' error=".*read%-only transaction; the database is read%-only: '
      .. "connect to the primary", process:stderr())
  end)
end)
