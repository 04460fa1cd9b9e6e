--- Cancelling a task that runs: its handler is told, has a second to clean up, and is stopped.

local wait = require "support.wait"
local worker = require "support.worker"

describe("cancelling a task that runs", function()
  local queue, process, begun

  before_each(function()
    queue, begun = worker.queue(), 0
    process = queue:start()
  end)

  after_each(function()
    worker.stop(process)
    queue:close()
  end)

  -- Starts a task, cancels it, and waits for its end; returns its id and how long that took.
  local function cancel(kind, payload)
    local id = queue:enqueue(kind, payload)
    begun = begun + 1
    queue:await_notes(begun, "begin false")
    local asked = wait.now()
    assert.equal("requested", queue.db:value("select taskq.cancel($1)", id))
    queue:await(30, "the end",
      "select finished_at is not null from taskq.worker_tasks where id = $1", id)
    return id, wait.now() - asked
  end

  local function kinds(id)
    local list = {}
    for i, row in ipairs(queue.db:query(
      "select kind from taskq.task_attempts where task_id = $1", id)) do
      list[i] = row.kind
    end
    return list
  end

  for name, payload in pairs { ["that waits"] = {}, ["that computes"] = { compute = true } } do
    it("lets a handler clean up " .. name, function()
      wait.assert_below(0.2 * 5 * wait.factor, function(try)
        local id, seconds = cancel("cancelled:clean", payload)
        assert.equal("cancelled", queue:task(id).status)
        assert.same({ "cancelled" }, kinds(id))
        assert.same({
          "begin false", "cancelled: the task was cancelled while it ran true", "close true",
        }, table.move(queue:notes(), 3 * try - 2, 3 * try, 1, {}))
        return seconds
      end)
    end)

    it("stops a handler after a second that does not listen, " .. name, function()
      wait.assert_below(0.2 * 5 * wait.factor, function()
        local id, seconds = cancel("cancelled:stubborn", payload)
        assert.equal("cancelled", queue:task(id).status)
        assert.same({ "cancelled" }, kinds(id))
        assert.is_true(seconds >= 0.9, seconds)
        return seconds - 1
      end)
    end)
  end

  it("comes too late for one that finishes all the same", function()
    local id = cancel("cancelled:finish")

    assert.same({ "completed", '"finished"' }, { queue:task(id).status, queue:task(id).result })
    queue:await(30, "the request to go", "select count(*) = 0 from taskq.cancel_requests")
  end)
end)
