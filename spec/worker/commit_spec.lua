--- A handler's COMMIT that is under way when the worker has to let go of its tasks.

local commit = require "support.commit"
local worker = require "support.worker"

local BODY = [[
  note(context.transaction(function(db)
    assert(db.query("insert into effects values ($1)", context.task.id))
    return "done"
  end))]]

local TIMEOUT_CODE = 6

describe("a commit that is under way", function()
  local queue, held, process, id

  before_each(function()
    queue = worker.queue()
    commit.make_effects(queue.db)
    held = commit.hold(queue)
    process = queue:start { "--threads", "1" }
    id = queue:enqueue("lua", { body = BODY })
    commit.await(queue)
  end)
  after_each(function()
    held:close()
    queue:close()
  end)

  local function hurry()
    process:kill("sigterm")
    worker.await_log(process, "draining")
    process:kill("sigterm")
    worker.await_log(process, "interrupting what still runs")
  end

  local function assert_totals(pattern)
    assert.matches("stopped " .. pattern, process:stderr(), 1, true)
  end

  it("is waited for by a worker that is told to hurry, which tells how it ended", function()
    hurry()
    held:close()

    assert.equal(TIMEOUT_CODE, process:wait(), process:stderr())
    assert.same({ "completed", '"done"' }, { queue:task(id).status, queue:task(id).result })
    assert_totals("completed=1 failed=0 retried=0 given_back=0 lost=0")
    assert.same({}, queue:notes())
  end)

  it("is waited for by such a worker also when it fails: the task is given back", function()
    hurry()
    queue:terminate("handler")

    assert.equal(TIMEOUT_CODE, process:wait(), process:stderr())
    assert.same({ "pending", 0 }, { queue:task(id).status, queue:task(id).attempts })
    assert_totals("completed=0 failed=0 retried=0 given_back=1 lost=0")
  end)

  it("is waited for by a worker that has lost its lease, which tells how it ended", function()
    queue.db:query("update taskq.workers set lease_until = now() - interval '1 s'")
    worker.await_log(process, "the lease is lost")
    held:close()
    queue:await_count("completed", 1)
    worker.stop(process)

    assert_totals("completed=1 failed=0 retried=0 given_back=0 lost=0")
    assert.same({}, queue:notes())
  end)
end)
