--- What is kept of attempts that did not succeed, as `taskq show` tells it.

local json = require "cjson"
local taskq = require "support.taskq"
local worker = require "support.worker"

describe("taskq show", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function show(id)
    local result = taskq.run({ "show", tostring(id), "--json" }, { database = queue.url })
    assert.equal(0, result.code, result.err)
    return json.decode(result.out)
  end

  it("tells who made each attempt, when, and what came of it", function()
    local id = queue:enqueue("fail:raise")

    queue:drain { "--worker-id", "alpha" }

    local attempts = show(id).task_attempts
    assert.equal(0, queue.db:value("select count(*) from taskq.workers"))
    assert.equal(3, #attempts)
    for i, attempt in ipairs(attempts) do
      assert.equal(i, attempt.attempt)
      assert.equal("alpha", attempt.worker_name)
      assert.matches("raised 42", attempt.error)
      assert.matches("^stack traceback:", attempt.traceback)
      assert.is_true(attempt.started_at <= attempt.finished_at)
    end
  end)

  it("names the worker that died, not the one that noticed", function()
    local id = queue:enqueue("note", { gate = queue.gate })
    local process = queue:start { "--worker-id", "doomed" }
    queue:await_notes(1, "+")
    assert.equal("doomed", show(id).worker_name)
    queue:kill(process)

    queue:open_gate()
    queue:drain { "--worker-id", "heir" }

    local attempt = show(id).task_attempts[1]
    assert.equal("lease expired", attempt.kind)
    assert.equal("doomed", attempt.worker_name)
  end)
end)
