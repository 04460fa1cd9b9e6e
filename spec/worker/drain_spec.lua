--- Draining a queue: every task runs once, and its result is stored as it was.

local cjson = require "cjson"
local taskq = require "support.taskq"
local worker = require "support.worker"

describe("a worker that drains a queue", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  for concurrency, count in pairs { [1] = 2000, [5] = 5000, [1000] = 10000 } do
    it(("runs each task once with a concurrency of %d"):format(concurrency), function()
      local line = cjson.encode { type = "note", payload = { file = queue.file } } .. "\n"
      local enqueued = taskq.run({ "enqueue", "--from", "-" },
        { database = queue.url, stdin = line:rep(count) })
      assert.equal(0, enqueued.code, enqueued.err)

      queue:drain { "--concurrency", tostring(concurrency) }

      local runs, tasks = queue:runs()
      assert.same({ count, count }, { runs, tasks })
      queue:assert_completed(count)
      assert.equal(0, queue.db:value("select count(*) from taskq.task_attempts"))
      assert.equal(0, queue.db:value("select count(*) from taskq.workers"))
    end)
  end

  it("ends at once when there is nothing to do", function()
    queue:drain()

    queue:assert_completed(0)
  end)

  it("leaves what is not due with --until-idle", function()
    local later = queue:enqueue("noop", nil, { at = "now() + interval '1 hour'" })
    local now = queue:enqueue("noop")

    local result = taskq.run({ "worker", "--handlers", worker.HANDLERS, "--until-idle" },
      { database = queue.url })

    assert.equal(0, result.code, result.err)
    assert.equal("pending", queue:task(later).status)
    assert.equal("completed", queue:task(now).status)
  end)

  it("records who ran a task and when", function()
    local id = queue:enqueue("noop")

    queue:drain()

    assert.is_true(queue.db:value([[
      select created_at <= scheduled_at and scheduled_at <= started_at
        and started_at <= finished_at and worker_id > 0 and attempts = 1 and claims = 1
        and error is null
      from taskq.worker_tasks where id = $1]], id))
  end)
end)
