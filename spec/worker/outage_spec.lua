--- Connections that are lost, at the start or later: they come back, the log says so once, and
--- nothing that was done meanwhile is lost.

local database = require "support.database"
local proxy = require "support.proxy"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

local KINDS = { "claim", "completion", "control" }

-- What reconnecting waits, at least, before each attempt: it doubles.
local DELAYS = { 0.05, 0.1, 0.2, 0.4, 0.8 }

describe("an outage", function()
  local queue, middle

  before_each(function()
    queue = worker.queue()
    middle = proxy.new(queue.url)
  end)
  after_each(function()
    middle:close()
    queue:close()
  end)

  local function times(log, text)
    local count, at = 0, 1
    while true do
      local _, last = log:find(text, at, true)
      if not last then
        return count
      end
      count, at = count + 1, last + 1
    end
  end

  local function await_attempts(attempts, count)
    wait.wait_until(30, function() return #attempts >= count end, "attempts to connect")
  end

  -- One line when it began and one when it ended.
  local function assert_told_once(process, kind)
    local name = (' connection="taskq %s"'):format(kind)
    worker.await_log(process, "connected again" .. name)
    local log = process:stderr()
    assert.equal(1, times(log, "no connection; trying again" .. name), log)
    assert.equal(1, times(log, "connected again" .. name), log)
  end

  for _, kind in ipairs(KINDS) do
    it(("of the %s connection is told once, and waited out longer and longer"):format(kind),
      function()
        local process = queue:start(nil, { url = middle.url })

        local attempts = middle:refuse("taskq " .. kind)
        await_attempts(attempts, #DELAYS + 1)
        middle:allow()

        assert_told_once(process, kind)
        for i, delay in ipairs(DELAYS) do
          assert.is_true(attempts[i + 1] - attempts[i] >= delay, i)
        end
        queue:enqueue("noop")
        queue:await_count("completed", 1)
        worker.stop(process)
      end)

    it(("of the %s connection at the start is waited out"):format(kind), function()
      local attempts = middle:refuse("taskq " .. kind)
      queue:fill(20, "noop")
      local process = taskq.start({ "worker", "--handlers", worker.HANDLERS, "--until-empty" },
        { database = middle.url })

      await_attempts(attempts, 3)
      assert.equal(0, queue:count("completed"))
      middle:allow()

      assert.equal(0, process:wait(60), process:stderr())
      assert_told_once(process, kind)
      queue:assert_completed(20)
    end)
  end

  it("is not what a worker sees that stood still itself", function()
    local process = queue:start { "--lock-duration", "2s" }
    local other <close> = database.connect(queue.url)

    other:query("begin")
    other:query("lock table taskq.worker_tasks_live in access exclusive mode")
    queue:await(30, "a claim to wait", [[
      select count(*) = 1 from pg_stat_activity
      where datname = current_database() and application_name = 'taskq claim'
        and wait_event_type = 'Lock']])
    process:kill("sigstop")
    other:query("rollback")
    queue:await(30, "the time of an answer to pass", [[
      select query_start < clock_timestamp() - interval '4 s' from pg_stat_activity
      where datname = current_database() and application_name = 'taskq claim']])
    process:kill("sigcont")
    queue:enqueue("noop")
    queue:await_count("completed", 1)

    worker.stop(process)
    assert.equal(0, times(process:stderr(), "no connection"), process:stderr())
  end)

  -- All three, while a handler runs; `meanwhile` is called when it has finished, with what the
  -- worker had logged before.
  local function outage(flags, meanwhile)
    local id = queue:enqueue("note", { gate = queue.gate })
    local process = queue:start(flags, { url = middle.url })
    queue:await_notes(1, "+")
    local before = process:stderr()
    for _, kind in ipairs(KINDS) do
      middle:refuse("taskq " .. kind)
    end
    queue:open_gate()
    queue:await_notes(1, "-")
    meanwhile(process, before)
    middle:allow()
    queue:await_count("completed", 1)
    for _, kind in ipairs(KINDS) do
      worker.await_log(process, ('connected again connection="taskq %s"'):format(kind))
    end
    worker.stop(process)
    return id, process
  end

  it("that ends before the lease keeps the results of handlers", function()
    local id, process = outage(nil, function(process)
      worker.await_log(process, "no connection; trying again connection=\"taskq completion\"")
    end)

    assert.equal('{"attempt": 1}', queue:task(id).result)
    assert.same({ 1, 1 }, { queue:runs() })
    for _, kind in ipairs(KINDS) do
      assert_told_once(process, kind)
    end
  end)

  it("that outlasts the lease drops them, and the tasks run again", function()
    local before

    local id = outage({ "--lock-duration", "2s" }, function(process, log)
      before = queue.db:value("select attempts from taskq.worker_tasks_live")
      local lost = times(log, "the lease is lost") -- a busy machine may have lost one before
      wait.wait_until(30, function()
        return times(process:stderr(), "the lease is lost") > lost
      end, "the lease to be lost")
    end)

    assert.equal(('{"attempt": %d}'):format(before + 1), queue:task(id).result)
    assert.equal("lease expired", queue.db:value(
      "select kind from taskq.task_attempts order by attempt desc limit 1"))
  end)
end)
