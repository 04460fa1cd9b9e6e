--- A statement is given up, and the server does not answer the request to cancel it.

local proxy = require "support.proxy"
local wait = require "support.wait"
local worker = require "support.worker"

-- As many as libuv's pool has threads, and as a thread of handlers has connections.
local COUNT = 4

describe("a request to cancel that is not answered", function()
  local queue, middle, process

  before_each(function()
    queue = worker.queue()
    middle = proxy.new(queue.url)
    middle:hold_cancels()
    process = queue:start({ "--threads", "1", "--concurrency", "10" }, { url = middle.url })
  end)
  after_each(function()
    middle:close()
    queue:close()
  end)

  it("keeps neither other statements nor the worker's end waiting", function()
    for _ = 1, COUNT do
      queue:enqueue("lua", { body = [[taskq.query("select pg_sleep(3600)")]] })
    end
    queue:await(30, "the statements", [[
      select count(*) = $1 from pg_stat_activity
      where datname = current_database() and query = 'select pg_sleep(3600)'
        and state = 'active']], COUNT)
    queue.db:query("select taskq.cancel(id) from taskq.worker_tasks")
    queue:await_count("cancelled", COUNT)
    wait.wait_until(30, function() return middle.cancels == COUNT end, "requests to cancel")

    queue:enqueue("lua", { body = [[return taskq.query("select 1 as one")[1].one]] })
    queue:await_count("completed", 1)
    assert.equal(COUNT, middle.cancels)

    worker.stop(process) -- which may cancel what cleans the last connection
  end)
end)
