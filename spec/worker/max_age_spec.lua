--- Handlers that give tasks up when they have become too old. Time is set: tasks are dated back.

local tasks = require "support.tasks"
local worker = require "support.worker"

local GIVEN_UP = "not retried: the next attempt would begin more than 1h after the task was created"

describe("a task whose handler has a max_age", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function date_back(id)
    queue.db:query([[update taskq.worker_tasks_live set created_at = now() - interval '2 hours'
      where id = $1]], id)
    return id
  end

  local function kinds(id)
    local list = {}
    for i, row in ipairs(queue.db:query(
      "select kind from taskq.task_attempts where task_id = $1 order by claims", id)) do
      list[i] = row.kind
    end
    return list
  end

  it("runs however old it is, but is not retried", function()
    local id = date_back(queue:enqueue("fail:aging"))

    queue:drain()

    local task = queue:task(id)
    assert.equal("failed", task.status)
    assert.equal(1, task.attempts)
    assert.matches("failures.lua:%d+: too slow; " .. GIVEN_UP, task.error)
    assert.same({ "max age" }, kinds(id))
    assert.matches("^stack traceback:", queue.db:value("select traceback from taskq.task_attempts"))
  end)

  it("is retried while it is young enough", function()
    local id = queue:enqueue("fail:aging", nil, { max_attempts = 3 })

    queue:drain()

    assert.same({ "error", "error", "error" }, kinds(id))
  end)

  it("runs once more when somebody retries it", function()
    local id = date_back(queue:enqueue("fail:aging"))
    queue:drain()

    queue.db:query("select taskq.retry($1)", id)
    queue:drain()

    assert.same({ "max age", "max age" }, kinds(id))
    assert.equal(2, queue:task(id).attempts)
  end)

  it("fails when its worker died and it is too old", function()
    local old = date_back(tasks.running(queue.db, "'fail:aging'"))
    local young = tasks.running(queue.db, "'fail:aging', max_attempts => 2")

    queue:drain { "--stale-task-check-interval", "100" }

    assert.same({ "max age" }, kinds(old))
    assert.matches("the worker that ran this task is gone; not retried", queue:task(old).error)
    assert.same({ "lease expired", "error" }, kinds(young))
  end)
end)
