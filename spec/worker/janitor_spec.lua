--- What a worker does to keep its database tidy: days, retention, counters. Time is set: tasks are
--- dated back.

local database = require "support.database"
local tasks = require "support.tasks"
local wait = require "support.wait"
local worker = require "support.worker"

local SOON = { "--cleanup-interval", "100" }

describe("the janitor", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  -- A task that finished so many days ago; only whole days go, so one that goes is a day older.
  local function finish(status, days_ago)
    return tasks.finished(queue.db, status, {
      at = queue.db:value(("select now() - interval '%g days'"):format(days_ago)),
    })
  end

  local function make_day(parent, days_ago)
    queue.db:query(([[
      do $$
      declare
        day date := (now() at time zone 'UTC')::date - %d;
      begin
        execute format(
          'create table taskq.%%I partition of taskq.%%I for values from (%%L) to (%%L)',
          '%s' || to_char(day, '_YYYYMMDD'), '%s', day::timestamp at time zone 'UTC',
          (day + 1)::timestamp at time zone 'UTC');
      end $$]]):format(days_ago, parent, parent))
  end

  local function partitions(parent)
    return queue.db:value("select count(*) from taskq.days_of(('taskq.' || $1)::regclass)", parent)
  end

  local function kept(id)
    return tasks.row(queue.db, id) ~= nil
  end

  -- Starts a worker and waits until its first round is over: forgetting workers comes last. What it
  -- finds in use, it leaves for the next round; nothing here uses anything unless it says so.
  local function run_a_round(flags, options)
    queue.db:query([[insert into taskq.workers (id, name, host, pid, version, types, lease_until)
      values (1, 'gone', 'h', 1, 'v', '{}', now() - interval '2 hours')]])
    local process = queue:start(flags, options)
    queue:await(30, "a round", "select not exists (select from taskq.workers where id = 1)")
    return process
  end

  it("keeps completed tasks for 7 days, others for 30", function()
    local old = { finish("completed", 8.5), finish("failed", 31.5), finish("cancelled", 31.5) }
    local new = {
      finish("completed", 6.5), finish("failed", 29.5), finish("cancelled", 29.5),
      tasks.pending(queue.db, "'nobody', scheduled_at => now() + interval '1 day'"),
    }

    worker.stop(run_a_round())

    for _, id in ipairs(old) do
      assert.is_false(kept(id))
    end
    for _, id in ipairs(new) do
      assert.is_true(kept(id))
    end
    assert.same({ { total = 4, completed = 1 } },
      queue.db:query("select total, completed from taskq.stats()"))
  end)

  it("drops whole days, and the attempts with them", function()
    make_day("worker_tasks_completed", 9)
    make_day("task_attempts", 9)
    finish("completed", 9)
    queue.db:query("select taskq.make_days()") -- it may have become tomorrow since the migration
    local days, attempts = partitions("worker_tasks_completed"), partitions("task_attempts")

    local process = run_a_round()

    assert.equal(days - 1, partitions("worker_tasks_completed"))
    assert.equal(attempts - 1, partitions("task_attempts"))
    worker.await_log(process, "janitor old completed tasks removed rows=1\n")
    worker.stop(process)
  end)

  it("keeps tasks as long as it is told, by options before variables", function()
    local completed, failed = finish("completed", 3.5), finish("failed", 3.5)
    local cancelled = finish("cancelled", 400)

    worker.stop(run_a_round({ "--keep-completed", "1d", "--keep-cancelled=forever" },
      { env = { JOB_KEEP_COMPLETED = "forever", JOB_KEEP_FAILED = "2d" } }))

    assert.is_false(kept(completed))
    assert.is_false(kept(failed))
    assert.is_true(kept(cancelled))
  end)

  it("gives what had no day one of its own", function()
    local id = finish("completed", 3.5)
    assert.equal(1, queue.db:value("select count(*) from taskq.worker_tasks_completed_default"))

    worker.stop(run_a_round())

    assert.is_true(kept(id))
    assert.equal(0, queue.db:value("select count(*) from taskq.worker_tasks_completed_default"))
  end)

  it("fails no task that finishes at a time whose rows are to be moved first", function()
    local process = run_a_round()
    queue.db:query([[
      do $$
      declare
        day name;
      begin
        for day in select child from taskq.days_of('taskq.worker_tasks_completed') loop
          execute format('drop table taskq.%I', day);
        end loop;
        alter table taskq.worker_tasks_completed_default
          add constraint rows_move_to_their_day check (finished_at < '2026-01-01Z');
      end $$]])
    local id = queue:enqueue("noop")
    worker.await_log(process, "the database refuses outcomes; they are kept and retried")

    queue.db:query([[alter table taskq.worker_tasks_completed_default
      drop constraint rows_move_to_their_day]])

    queue:await_count("completed", 1)
    assert.is_true(kept(id))
    worker.stop(process)
  end)

  it("merges counters", function()
    queue.db:query([[insert into taskq.finished_counts
      select current_date, 'completed', 'type ' || g % 10, 1 from generate_series(1, 30000) g]])

    local process = queue:start(SOON)

    queue:await(30, "ten counters", "select count(*) = 10 from taskq.finished_counts")
    worker.stop(process)
    assert.equal(30000, queue.db:value("select completed from taskq.stats()"))
  end)

  it("comes back for a day that somebody used", function()
    make_day("worker_tasks_completed", 9)
    local id = finish("completed", 9)
    local user <close> = database.connect(queue.url)
    user:query("begin; select * from taskq.worker_tasks_completed")
    local process = run_a_round(SOON)
    assert.is_true(kept(id))

    user:query("commit")

    wait.wait_until(30, function() return not kept(id) end, "the day to go")
    worker.stop(process)
    assert.is_nil(process:stderr():find("a chore failed", 1, true))
  end)

  it("works in steps that renewals of the lease do not wait for", function()
    queue.db:query([[insert into taskq.worker_tasks (type, status, finished_at)
      select 'a', 'completed', now() - interval '9 days' + g * interval '1 ms'
      from generate_series(1, 20000) g]])
    queue.db:query("drop table taskq.worker_tasks_failed_" .. os.date("!%Y%m%d"))
    queue.db:query([[insert into taskq.worker_tasks (type, status, finished_at)
      select 'a', 'failed', now() - g * interval '1 ms' from generate_series(1, 20000) g]])

    local process = queue:start { "--lock-duration", "3s", table.unpack(SOON) }

    for _, status in ipairs { "completed", "failed" } do
      queue:await(30, "no row without a day", -- a step that was too slow comes again
        ("select count(*) = 0 from taskq.worker_tasks_%s_default"):format(status))
    end
    worker.stop(process)
    assert.is_nil(process:stderr():find("lease is lost", 1, true), process:stderr())
  end)

  it("is done by several workers at once, and no harm comes of it", function()
    for days = 8, 20 do
      make_day("worker_tasks_completed", days)
      finish("completed", days)
    end
    local new = finish("completed", 6.5)

    local first, second = queue:start(SOON), queue:start(SOON)

    queue:await(60, "the old days to go",
      "select count(*) = 1 from taskq.worker_tasks where status = 'completed'")
    assert.is_true(kept(new))
    assert.equal(1, queue.db:value("select completed from taskq.stats()"))
    for _, process in ipairs { first, second } do
      worker.stop(process)
      assert.is_nil(process:stderr():find("a chore failed", 1, true), process:stderr())
    end
  end)
end)
