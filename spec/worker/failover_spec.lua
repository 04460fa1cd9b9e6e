--- A server that takes over without what was written last: what a handler committed there is lost,
--- and is told so, although others have got the transaction's id since.

local cluster = require "support.cluster"
local commit = require "support.commit"
local database = require "support.database"
local proxy = require "support.proxy"
local taskq = require "support.taskq"
local worker = require "support.worker"

local BODY = [[
  local result, message = context.transaction(function(db)
    note("in it")
    while not io.open(context.task.payload.gate) do taskq.sleep(5) end
    assert(db.query("insert into effects values ($1)", context.task.id))
    return "done"
  end)
  note(result or "rolled back")
  return result or { success = false, error = message, retry_after = 0 }]]

describe("a handler's commit on a server that is lost", function()
  local own, middle, queue

  setup(function()
    own = cluster.new()
    own:start()
    database.query(own:url("postgres"), "create database queue")
    local made = taskq.run({ "migrate" }, { database = own:url("queue") })
    assert.equal(0, made.code, made.err)
  end)
  teardown(function() own:stop("fast") end)

  before_each(function()
    queue = worker.queue(own:url("queue"))
    middle = proxy.new(queue.url)
  end)
  after_each(function()
    middle:close()
    queue:close()
  end)

  it("is found to be rolled back, and the handler runs again", function()
    commit.make_effects(queue.db)
    local process = queue:start(nil, { url = middle.url })
    local id = queue:enqueue("lua", { body = BODY, gate = queue.gate })
    queue:await_notes(1, "in it")
    own:copy()

    local held <close> = commit.hold(queue)
    queue:open_gate()
    commit.await(queue)
    middle:mute("taskq handler")
    held:close()
    queue:await(30, "the commit", "select count(*) = 1 from effects")
    local xid = queue.db:value("select xmin::text from effects")
    middle:refuse("taskq handler")
    own:lose()
    queue:connect()
    queue.db:query([[do $$ begin
      for i in 1..200 loop perform pg_current_xact_id(); commit; end loop; end $$]])
    assert.equal("committed", queue.db:value("select pg_xact_status($1::text::xid8)", xid))
    middle:allow()
    queue:await_notes(1, "done")

    assert.same({ "in it", "rolled back", "in it", "done" }, queue:notes())
    assert.same({ "completed", 2 }, { queue:task(id).status, queue:task(id).attempts })
    assert.equal(1, queue.db:value("select count(*) from effects"))
    worker.stop(process)
    assert.matches("completed=1 failed=0 retried=1 given_back=0 lost=0", process:stderr(), 1, true)
  end)
end)
