--- How many handlers run at once.

local database = require "support.database"
local folder = require "support.folder"
local wait = require "support.wait"
local worker = require "support.worker"

describe("the concurrency of a worker", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  -- The largest number of handlers between their "+" and their "-".
  local function most_at_once()
    local now, most = 0, 0
    for _, line in ipairs(queue:notes()) do
      now = now + (line:sub(1, 1) == "+" and 1 or -1)
      most = math.max(most, now)
    end
    return most
  end

  -- Runs 100 tasks: the first of them end when `count` have begun.
  local function assert_concurrency(count, flags, options)
    queue:fill(100, "note", { ms = 10, gate = queue.gate })
    local process = queue:start(flags, options)
    queue:await_notes(count, "+")
    queue:open_gate()
    queue:await_count("completed", 100)
    worker.stop(process)
    assert.equal(count, most_at_once())
    queue:assert_completed(100)
  end

  for _, threads in ipairs { 1, 2, 7 } do
    it(("is never exceeded, with %d threads"):format(threads), function()
      assert_concurrency(7, { "--concurrency", "7", "--threads", tostring(threads) })
    end)
  end

  it("is JOB_CONCURRENCY, if no flag says otherwise", function()
    assert_concurrency(3, {}, { env = { JOB_CONCURRENCY = "3" } })
  end)

  it("is 5 when nothing is said", function()
    assert_concurrency(5)
  end)

  it("is not a number of threads: what waits, waits together", function()
    queue:fill(500, "note", { gate = queue.gate })
    local process = queue:start { "--concurrency", "500", "--threads", "1" }

    queue:await_notes(500, "+")
    assert.equal(500, queue:count("running"))
    queue:open_gate()
    queue:await_count("completed", 500)

    assert.equal(500, most_at_once())
    worker.stop(process)
  end)

  it("lets short tasks pass one that computes", function()
    queue:enqueue("endless:loop_by_default")
    local process = queue:start { "--concurrency", "2", "--threads", "1" }
    queue:await_count("running", 1)

    queue:fill(50, "note", { ms = 1 })
    queue:await_count("completed", 50)

    assert.equal(1, queue:count("running"))
    process:kill("sigkill")
    process:wait()
  end)

  -- Until it has claimed tasks behind one that waits: how many it claims ahead is a matter of pace.
  -- They may be back in the queue by now.
  local function claim_ahead()
    for round = 1, 50 do
      local gate = queue.gate .. round
      queue:fill(500, "note")
      local gated = queue:enqueue("note", { gate = gate })
      queue:fill(100, "note")
      queue:await_notes(1, "+" .. gated)
      if queue.db:value("select count(*) > 0 from taskq.worker_tasks where id > $1 and claims > 0",
          gated) then
        return gated, gate
      end
      folder.write(gate, "")
      queue:await(30, "the rest", "select count(*) = 0 from taskq.worker_tasks_live")
    end
    error("it never claims ahead")
  end

  it("does not keep tasks waiting that were claimed ahead and cannot start", function()
    local first = queue:start { "--concurrency", "1", "--threads", "1" }
    local gated, gate = claim_ahead()
    local second = queue:start()

    queue:await(30, "the others to end", "select count(*) = 1 from taskq.worker_tasks_live")

    assert.equal("running", queue:task(gated).status)
    assert.is_true(queue.db:value( -- given back, with their attempts
      "select count(*) > 0 from taskq.worker_tasks where claims > 1 and attempts = 1"))
    folder.write(gate, "")
    queue:await(30, "the end", "select count(*) = 0 from taskq.worker_tasks_live")
    worker.stop(first)
    worker.stop(second)
  end)

  it("lets in what others say while its tasks compute and sleep in turn", function()
    local ids = {}
    for i = 1, 2 do
      ids[i] = queue:enqueue("lua", { body = [[
        local text = ("a"):rep(3000)
        note("begun")
        while true do
          text:find(".-b") -- tens of milliseconds in one call
          taskq.sleep(1)
        end]] })
    end
    local process = queue:start { "--threads", "1", "--task-timeout", "1h" }
    queue:await_notes(2, "begun")

    local other = queue:enqueue("noop")
    queue:await(30, "it to run",
      "select status = 'completed' from taskq.worker_tasks where id = $1", other)
    for _, id in ipairs(ids) do
      queue.db:query("select taskq.cancel($1)", id)
    end
    queue:await_count("cancelled", 2)

    worker.stop(process)
  end)

  it("counts tasks whose outcomes cannot be written", function()
    local locker <close> = database.connect(queue.url)
    queue:fill(20000, "noop")
    locker:query("begin")
    locker:query("lock table taskq.worker_tasks_completed in share mode")

    local process = queue:start { "--concurrency", "10" }
    local running, looks = 0, 0
    wait.wait_until(30, function() -- until many looks, over several tries to write, find as many
      local now = queue:count("running")
      looks = now == running and looks + 1 or 0
      running = now
      return running > 0 and looks == 100
    end, "an end to the claims")
    locker:query("rollback")

    assert.is_true(running < 2000, running) -- claimed ahead as they ended: not without end
    queue:await_count("completed", 20000)
    worker.stop(process)
  end)

  it("is filled again at once when tasks end one by one", function()
    wait.assert_below(3 * wait.factor, function()
      queue:fill(60, "note", { ms = 50 })
      local started = wait.now()
      queue:drain { "--concurrency", "20" }
      local seconds, most = wait.now() - started, most_at_once()
      assert.is_true(most <= 20, most)
      return most == 20 and seconds or math.huge -- 150 ms if all is well
    end)
  end)
end)
