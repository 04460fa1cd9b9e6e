--- Workers that are killed and frozen over and over, while there is much to do.

local worker = require "support.worker"

local COUNT, KILLS = 20000, 16

describe("twenty thousand tasks", function()
  local queue, started, names

  before_each(function()
    queue, started, names = worker.queue(), 0, {}
  end)
  after_each(function() queue:close() end)

  local function start()
    started = started + 1
    return queue:start { "--lock-duration", "1s", "--concurrency", "10",
      "--stale-task-check-interval", "1s", "--worker-id", "w" .. started }
  end

  -- Which process each worker id belongs to, as it said itself.
  local function remember(process)
    for name, id in process:stderr():gmatch("worker registered worker=(%S+) id=(%d+)") do
      names[id] = name
    end
  end

  local function await_left(count)
    queue:await(60, ("only %d tasks to be left"):format(count),
      "select count(*) <= $1 from taskq.worker_tasks_live", count)
  end

  local function await_lost_lease(process)
    queue:await(20, "the end of the lease", [[
      select count(*) = 0 from taskq.workers where pid = $1 and lease_until > clock_timestamp()]],
      process.pid)
  end

  it("are finished once each, whoever dies, and what the fenced write does not count", function()
    queue.db:query([[
      insert into taskq.worker_tasks (type, max_attempts, payload)
      select 'signed', 1000, jsonb_build_object('file', $1, 'ms', 1 + n % 20)
      from generate_series(1, $2) n]], queue.file, COUNT)
    local pair, frozen = { start(), start() }, start()

    for i = 1, KILLS do
      await_left(COUNT - i * COUNT // (KILLS + 1))
      if i % 2 == 1 then
        frozen:kill("sigstop")
      else
        await_lost_lease(frozen)
        frozen:kill("sigcont")
      end
      local victim = 1 + i % 2
      pair[victim]:kill("sigkill")
      pair[victim]:wait()
      remember(pair[victim])
      pair[victim] = start()
    end
    queue:await_count("completed", COUNT, 60)

    for _, process in ipairs { pair[1], pair[2], frozen } do
      worker.stop(process)
      remember(process)
    end
    queue:assert_completed(COUNT)
    -- What is written is what the last claim did, by the process that had it.
    for _, row in ipairs(queue.db:query([[
      select worker_id::text as worker_id, claims, (result->>'claims')::int as by_claim,
        result->>'worker' as by_worker
      from taskq.worker_tasks]])) do
      assert.equal(row.claims, row.by_claim)
      assert.equal(names[row.worker_id], row.by_worker)
    end
    local runs, tasks = queue:runs()
    assert.equal(COUNT, tasks)
    assert.is_true(runs > COUNT) -- or nothing was put to the test
    assert.matches("the lease is lost", frozen:stderr(), 1, true)
  end)
end)
