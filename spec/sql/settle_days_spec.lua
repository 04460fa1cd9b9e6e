--- taskq.settle_days: what had no day of its own when it finished gets one.

local database = require "support.database"
local tasks = require "support.tasks"

local PARENTS = {
  completed = "worker_tasks_completed", failed = "worker_tasks_failed",
  cancelled = "worker_tasks_cancelled",
}

describe("taskq.settle_days", function()
  local url, connection

  before_each(function()
    url = database.fresh()
    connection = database.connect(url)
    connection:query("set timezone = 'UTC'")
  end)

  after_each(function() connection:close() end)

  -- Tasks that finished at these times of 2026-01-10, for which there is no day.
  local function finish(status, ...)
    for _, time in ipairs({ ... }) do
      tasks.finished(connection, status, { at = "2026-01-10 " .. time .. "Z" })
    end
  end

  local function attempt(at)
    connection:query([[insert into taskq.task_attempts
      (task_id, attempt, claims, type, kind, error, finished_at)
      values (1, 1, 1, 'a', 'error', 'boom', $1)]], at)
  end

  -- Steps until nothing is left; calls `between` after each, with how many rows it moved.
  local function settle(most, between)
    local moved, steps = 0, 0
    while true do
      local step = connection:query("select * from taskq.settle_days($1)", most or 5000)[1]
      moved, steps = moved + step.moved, steps + 1
      if step.remains ~= "more" then
        return moved, step.remains, steps
      end
      if between then
        between(step.moved)
      end
    end
  end

  local function rows(relation)
    return connection:value("select count(*) from taskq." .. relation)
  end

  local function bounds(relation)
    return connection:value([[select pg_get_expr(relpartbound, oid) from pg_class
      where oid = ('taskq.' || $1)::regclass]], relation)
  end

  -- The two steps that move one piece of a day that is over.
  local function move_a_piece(most)
    connection:query("select taskq.settle_days($1)", most)
    return connection:value("select moved from taskq.settle_days($1)", most)
  end

  it("has nothing to do where every day was there in time", function()
    tasks.finished(connection, "completed")

    assert.same({ 0, nil, 1 }, { settle() })
  end)

  it("moves tasks of each status, and attempts", function()
    for status in pairs(PARENTS) do
      finish(status, "00:00", "12:00", "23:59:59.999999")
    end
    attempt("2026-01-10 12:00Z")

    assert.equal(10, (settle()))

    for _, parent in pairs(PARENTS) do
      assert.equal(0, rows(parent .. "_default"))
      assert.equal(3, rows(parent .. "_20260110"))
      assert.equal("FOR VALUES FROM ('2026-01-10 00:00:00+00') TO ('2026-01-11 00:00:00+00')",
        bounds(parent .. "_20260110"))
    end
    assert.equal(1, rows("task_attempts_20260110"))
    assert.equal(9, connection:value("select total from taskq.stats()"))
  end)

  -- Of a parent on 2026-01-10, from the beginning of the day on.
  local function pieces(parent)
    local list = {}
    for i, row in ipairs(connection:query([[
      select pg_get_expr(c.relpartbound, c.oid) as bounds
      from taskq.days_of(('taskq.' || $1)::regclass) d
      join pg_class c on c.relname = d.child
      where d.day = '2026-01-10'
      order by 1]], parent)) do
      list[i] = row.bounds:gsub("2026%-01%-", ""):gsub("%+00", "")
    end
    return list
  end

  it("moves the rest of a day in further steps, and hides no task meanwhile", function()
    finish("failed", "01:00", "02:00", "03:00", "04:00", "05:00", "06:00", "07:00")
    local seen = {}

    local moved, _, steps = settle(2, function()
      seen[#seen + 1] = connection:value(
        "select count(*) from taskq.worker_tasks where status = 'failed'")
    end)

    assert.equal(7, moved)
    assert.same({ 7, 7, 7, 7, 7, 7 }, seen)
    assert.equal(7, steps)
    assert.equal(0, rows("worker_tasks_failed_default"))
    assert.same({
      "FOR VALUES FROM ('10 00:00:00') TO ('10 02:00:00')",
      "FOR VALUES FROM ('10 02:00:00') TO ('10 05:00:00')",
      "FOR VALUES FROM ('10 05:00:00') TO ('11 00:00:00')",
    }, pieces("worker_tasks_failed"))
  end)

  it("makes few pieces of a day with very many tasks, and none that is very large", function()
    connection:query([[insert into taskq.worker_tasks (type, status, finished_at)
      select 'a', 'completed', '2026-01-10Z'::timestamptz + g * interval '1 s'
      from generate_series(1, 2000) g]])

    local largest = 0
    assert.equal(2000, (settle(10, function(moved) largest = math.max(largest, moved) end)))

    assert.equal(0, rows("worker_tasks_completed_default"))
    assert.is_true(#pieces("worker_tasks_completed") < 80)
    assert.equal(4 * 10 + 1, largest)
  end)

  it("makes smaller pieces than the one that somebody has begun to move, who moves more", function()
    finish("failed", "01:00", "02:00", "03:00", "04:00", "05:00", "06:00")
    connection:query("select taskq.settle_days(5)")
    local largest = 0

    local moved, remains = settle(1, function(n) largest = math.max(largest, n) end)

    assert.same({ 6, nil, 2 }, { moved, remains, largest })
  end)

  it("reads neither the rest nor what it has moved, but once to check", function()
    connection:query([[insert into taskq.worker_tasks (type, status, finished_at)
      select 'a', 'completed', '2026-01-10Z'::timestamptz + g * interval '1 s'
      from generate_series(1, 2000) g]])

    local _, first = tasks.rows_read(connection, "select taskq.settle_days(99)")
    local _, second = tasks.rows_read(connection, "select taskq.settle_days(99)")
    move_a_piece(99)

    local _, third = tasks.rows_read(connection, "select taskq.settle_days(99)")
    local _, fourth = tasks.rows_read(connection, "select taskq.settle_days(99)")

    -- The rest, and the rows of the new piece, when it is attached.
    assert.same({ 0, 1900 + 100, 0, 1700 + 100 }, { first, second, third, fourth })
  end)

  it("moves tasks that finished at one moment together", function()
    finish("completed", "01:00", "05:00", "05:00", "05:00", "05:00", "05:00")

    assert.equal(5, move_a_piece(2))

    assert.equal(5, rows("worker_tasks_completed_20260110"))
    assert.equal(1, rows("worker_tasks_completed_default"))
  end)

  it("takes up a day where it was left, also for tasks that finish meanwhile", function()
    finish("completed", "01:00", "02:00", "03:00")
    move_a_piece(1)
    finish("completed", "00:30", "23:00")
    assert.equal(3, rows("worker_tasks_completed_20260110")) -- 02:00, 03:00, and 23:00 at once

    settle()

    assert.equal(0, rows("worker_tasks_completed_default"))
    assert.equal(2, #pieces("worker_tasks_completed"))
  end)

  it("takes up a day of which somebody has dropped a piece", function()
    finish("completed", "01:00", "02:00", "03:00", "04:00", "05:00", "06:00")
    settle(1)
    connection:query("drop table taskq.worker_tasks_completed_20260110_030000000000")
    finish("completed", "03:30", "04:00")

    assert.equal(2, (settle()))

    assert.equal(3, #pieces("worker_tasks_completed"))
  end)

  it("gives up a piece when something newer has come, or nothing is left of it", function()
    finish("completed", "01:00")
    connection:query("select taskq.settle_days()")
    tasks.finished(connection, "completed", { at = "2026-01-12 01:00Z" })

    assert.equal(2, (settle()))
    finish("completed", "01:00")
    finish("failed", "01:00")
    connection:query("select taskq.settle_days()")
    connection:query("delete from taskq.worker_tasks_failed")

    assert.equal(0, (settle()))
    assert.equal(0, connection:value("select count(*) from pg_constraint where conname = $1",
      "rows_move_to_their_day"))
  end)

  it("leaves tasks alone whose day no name can tell", function()
    tasks.finished(connection, "completed", { at = "infinity" })
    tasks.finished(connection, "completed", { at = "20000-01-01" })
    tasks.finished(connection, "completed", { at = "0044-03-15 BC" })

    assert.same({ 0, nil, 1 }, { settle() })
  end)

  it("leaves tasks as they were, and to be found by their id", function()
    finish("failed", "12:00")
    local before = connection:query("select * from taskq.worker_tasks")

    settle()

    assert.same(before, connection:query("select * from taskq.worker_tasks"))
    local read, scanned = tasks.rows_read(connection,
      ("select taskq.show(%d)"):format(before[1].id))
    assert.same({ 1, 0 }, { read, scanned })
    assert.equal("retried", connection:value("select taskq.retry($1)", before[1].id))
  end)

  it("makes the day of today that rows in the default stand in the way of", function()
    connection:query("drop table taskq.worker_tasks_completed_" .. os.date("!%Y%m%d"))
    tasks.finished(connection, "completed")
    assert.equal(0, connection:value("select taskq.make_days()"))

    settle()

    assert.equal(0, rows("worker_tasks_completed_default"))
    assert.equal(1, rows("worker_tasks_completed_" .. os.date("!%Y%m%d")))
  end)

  it("says that somebody is in the way, and does the rest", function()
    finish("completed", "12:00")
    finish("failed", "12:00")
    local user <close> = database.connect(url)
    user:query("begin; select * from taskq.worker_tasks_completed_default")

    assert.same({ 1, "busy", 3 }, { settle() })
    user:query("commit")

    assert.same({ 1, nil, 3 }, { settle() })
  end)

  it("lets one do it at a time", function()
    finish("completed", "12:00")
    local other <close> = database.connect(url)
    other:query("begin; select taskq.settle_days()")

    assert.same({ 0, "busy", 1 }, { settle() })
  end)

  it("leaves a whole day for taskq.cleanup to drop, in however many pieces", function()
    finish("completed", "01:00", "02:00", "03:00", "04:00", "05:00")
    move_a_piece(1)
    move_a_piece(1) -- one is left in the default

    local removed = {}
    repeat
      local step = connection:query("select * from taskq.cleanup('7 days', whole_days => true)")[1]
      removed[#removed + 1] = step.removed
    until step.remains ~= "more"

    assert.same({ 5, 0 }, removed)
    assert.same({}, pieces("worker_tasks_completed"))
    assert.equal(0, connection:value("select total from taskq.stats()"))
    assert.equal(0, rows("finished_counts"))
  end)
end)
