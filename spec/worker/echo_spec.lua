--- LISTEN that dies in silence: the worker notices that it does not hear itself.

local proxy = require "support.proxy"
local wait = require "support.wait"
local worker = require "support.worker"

local DEAF = "notifications do not arrive"

-- A lease of a second, so that the worker calls each second; nothing but notifications wakes it.
local FLAGS = { "--lock-duration", "1s", "--poll-interval", "10m" }

describe("a worker that sleeps", function()
  local queue, middle

  before_each(function()
    queue = worker.queue()
    middle = proxy.new(queue.url)
  end)
  after_each(function()
    middle:close()
    queue:close()
  end)

  local function start()
    return queue:start(FLAGS, { url = middle.url })
  end

  local function await_echoes(count)
    local before = middle:notifications("taskq claim")
    wait.wait_until(30, function()
      return middle:notifications("taskq claim") >= before + count
    end, "echoes")
  end

  it("makes its connection anew when notifications do not arrive", function()
    local process = start()
    queue:await_sleep()

    middle:deafen("taskq claim")
    queue:enqueue("noop") -- and nobody hears of it

    queue:await_count("completed", 1)
    worker.await_log(process, "connected again connection=\"taskq claim\"")
    local log = process:stderr()
    assert.equal(1, select(2, log:gsub(DEAF, "")), log)
    assert.equal(1, select(2, log:gsub("connected again", "")), log)
    queue:await_sleep()
    queue:enqueue("noop")
    queue:await_count("completed", 2)
    worker.stop(process)
  end)

  it("leaves its connection alone while it hears itself", function()
    local process = start()
    queue:await_sleep()

    await_echoes(3)

    worker.stop(process)
    assert.is_nil(process:stderr():find("no connection", 1, true), process:stderr())
  end)

  it("does not take the calls of others for work", function()
    local process, other = start(), start()
    queue:await_sleep()
    local last_looks = [[select string_agg(query_start::text, ',' order by pid)
      from pg_stat_activity
      where datname = current_database() and application_name = 'taskq claim']]
    local before = queue.db:value(last_looks)

    await_echoes(8) -- each hears both: two calls of each

    assert.equal(before, queue.db:value(last_looks))
    worker.stop(process)
    worker.stop(other)
  end)

  it("does not call while it is busy", function()
    local process = start()
    queue:fill(5, "note", { gate = queue.gate }) -- all that it runs at once
    queue:await_notes(5, "+")
    local before = middle:notifications("taskq claim")

    queue:await(20, "four leases", [[select lease_until > started_at + interval '5 s'
      from taskq.workers]])

    assert.equal(before, middle:notifications("taskq claim"))
    queue:open_gate()
    queue:await_count("completed", 5)
    worker.stop(process)
  end)
end)
