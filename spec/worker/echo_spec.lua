--- LISTEN that dies in silence: the worker notices that it does not hear itself.

local proxy = require "support.proxy"
local wait = require "support.wait"
local worker = require "support.worker"

local DEAF = "notifications do not arrive"

-- A short lease: once in each, the worker calls. Nothing but notifications wakes it.
local FLAGS = { "--lock-duration", "2s", "--poll-interval", "10m" }

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

  -- How often each payload was heard.
  local function heard()
    local counts = {}
    for _, payload in ipairs(middle:heard("taskq claim")) do
      counts[payload] = (counts[payload] or 0) + 1
    end
    return counts
  end

  -- Waits until as many workers have called so often.
  local function await_calls(callers, times)
    local before = heard()
    wait.wait_until(30, function()
      local count = 0
      for payload, now in pairs(heard()) do
        local is_new = payload:find("^%?") and now - (before[payload] or 0) >= times
        count = count + (is_new and 1 or 0)
      end
      return count >= callers
    end, "calls")
  end

  -- A call that is nobody's. When it has been heard, all was that had been said before.
  local function say(payload)
    queue.db:query(("notify taskq, '%s'"):format(payload))
    wait.wait_until(30, function() return heard()[payload] end, payload)
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

  local function count_lost(process)
    return select(2, process:stderr():gsub("no connection", ""))
  end

  it("leaves its connection alone while it hears itself", function()
    local process = start()
    queue:await_sleep()

    wait.assert_below(1, function() -- a machine that stands still for half a lease does not hear
      local before = count_lost(process)
      await_calls(1, 3)
      return count_lost(process) - before
    end)

    worker.stop(process)
  end)

  it("does not take the calls of others for work", function()
    local process, other = start(), start()
    queue:await_sleep()
    await_calls(2, 2) -- now they do sleep: else they do not call
    local last_looks = [[select string_agg(query_start::text, ',' order by pid)
      from pg_stat_activity
      where datname = current_database() and application_name = 'taskq claim']]

    wait.assert_below(1, function() -- it looks when its connection is made anew
      local before = queue.db:value(last_looks)
      await_calls(2, 4) -- each hears both: two calls of each
      return before == queue.db:value(last_looks) and 0 or 1
    end)

    worker.stop(process)
    worker.stop(other)
  end)

  it("does not call while it is busy", function()
    local process = start()
    queue:fill(5, "note", { gate = queue.gate }) -- all that it runs at once
    queue:await_notes(5, "+")
    local renewed = "select lease_until > $1::timestamptz + $2::interval from taskq.workers"
    local lease_until = queue.db:value("select lease_until::text from taskq.workers")
    queue:await(30, "what was under way to end", renewed, lease_until, "0")
    say "?busy"
    local before = #middle:heard("taskq claim")

    queue:await(30, "three leases", renewed, lease_until, "6 s")

    say "?busy still"
    assert.equal(before + 1, #middle:heard("taskq claim"))
    queue:open_gate()
    queue:await_count("completed", 5)
    worker.stop(process)
  end)
end)
