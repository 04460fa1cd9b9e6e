--- Workers that are killed, frozen, and robbed of their lease, over and over.

local worker = require "support.worker"

local COUNT, KILLS = 20000, 12

describe("twenty thousand tasks", function()
  local queue, started, names

  before_each(function()
    queue, started, names = worker.queue(), 0, {}
  end)
  after_each(function() queue:close() end)

  local function start(lease)
    started = started + 1
    return queue:start { "--lock-duration", lease or "1s", "--concurrency", "10",
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

  -- It learns that at its next renewal; until then others take its tasks, and it goes on with them.
  local function rob(process)
    queue.db:query([[
      update taskq.workers set lease_until = now() - interval '1 ms' where pid = $1]], process.pid)
  end

  local function await_lost_lease(process)
    queue:await(30, "the end of the lease", [[
      select count(*) = 0 from taskq.workers where pid = $1 and lease_until > clock_timestamp()]],
      process.pid)
  end

  it("are finished once each, and by those who had them last", function()
    queue.db:query([[
      insert into taskq.worker_tasks (type, max_attempts, payload)
      select 'signed', 1000, jsonb_build_object('file', $1, 'ms', 1 + n % 20)
      from generate_series(1, $2) n]], queue.file, COUNT)
    local pair, frozen, robbed = { start(), start() }, start(), start("6s")

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
      rob(robbed)
    end
    queue:await_count("completed", COUNT, 60)

    for _, process in ipairs { pair[1], pair[2], frozen, robbed } do
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
    for _, process in ipairs { frozen, robbed } do
      assert.matches("the lease is lost", process:stderr(), 1, true)
    end
    assert.matches("outcome not written", robbed:stderr(), 1, true)
  end)
end)
