--- What the statements of a task's life do, run one by one: who gets a row, and what a fence
--- refuses.

local database = require "support.database"
local plans = require "support.plans"

local WORKER, OTHER = 7, 8

describe("the statements of workers", function()
  local connection

  before_each(function()
    connection = database.connect(database.fresh())
    connection:query(plans.settings())
    for _, name in ipairs({
      "claim", "claim_found", "complete", "fail", "requeue", "locate", "remaining", "sweep",
      "next_due", "discover",
    }) do
      plans.prepare(connection, name)
    end
  end)

  after_each(function() connection:close() end)

  local function enqueue(arguments)
    return connection:value(("select taskq.enqueue(%s)"):format(arguments))
  end

  local function claim(limit, types, priorities, worker)
    local rows = connection:query(("execute claim(%d, '%s', '%s', "
      .. "array_fill('-infinity'::timestamptz, array[cardinality('%s'::text[])]), "
      .. "array_fill(0::bigint, array[cardinality('%s'::text[])]), %d)"):format(
      limit, types, priorities, types, types, worker or WORKER))
    local moment = table.remove(rows)
    assert.is_nil(moment.id)
    return rows, moment
  end

  local function claim_one()
    enqueue("'a'")
    return claim(1, "{a}", "{0}")[1]
  end

  local function row(id)
    return connection:query("select * from taskq.worker_tasks where id = $1", id)[1]
  end

  -- '{id}', array['(0,1)'], '{claims}', as the settling statements begin.
  local function fence(task, claims)
    return ("'{%d}', array['%s'::tid], '{%d}'"):format(task.id, task.ctid, claims or task.claims)
  end

  it("claim takes lanes in their order and each by time", function()
    local low, high = enqueue("'a', priority => 0"), enqueue("'b', priority => 9")
    enqueue("'a', priority => 0")
    enqueue("'b', priority => 9, scheduled_at => now() + interval '1 hour'")

    local rows, moment = claim(2, "{b,a}", "{9,0}")

    local ids = { rows[1].id, rows[2].id }
    table.sort(ids)
    assert.same({ low, high }, ids)
    assert.equal("running", row(high).status)
    assert.equal(WORKER, row(high).worker_id)
    assert.equal(1, row(high).attempts)
    assert.equal(1, row(high).claims)
    assert.matches("^%d+:%d+:", moment.snapshot)
    assert.is_truthy(moment.xid)
  end)

  it("claim tells its moment when there is nothing", function()
    local rows, moment = claim(10, "{a}", "{0}")

    assert.same({}, rows)
    assert.is_truthy(moment.clock)
    assert.is_nil(moment.xid)
  end)

  it("complete moves and counts a task", function()
    local task = claim_one()

    local done = connection:query(
      ("execute complete(%s, array['{\"ok\": 1.0}']::jsonb[], %d)"):format(fence(task), WORKER))

    assert.same({ {} }, done)
    assert.equal("completed", row(task.id).status)
    assert.equal('{"ok": 1.0}', row(task.id).result)
    assert.is_truthy(row(task.id).finished_at)
    assert.equal(1, connection:value("select completed from taskq.stats()"))
  end)

  for what, arguments in pairs({
    ["another worker's"] = function(task) return fence(task), OTHER end,
    ["an older claim's"] = function(task) return fence(task, 0), WORKER end,
    ["a row that has moved"] = function(task)
      return fence({ id = task.id, ctid = "(99,1)", claims = task.claims }), WORKER
    end,
  }) do
    it("complete leaves alone what is " .. what, function()
      local task = claim_one()
      local fenced, worker = arguments(task)

      local done = connection:value(
        ("execute complete(%s, array[null]::jsonb[], %d)"):format(fenced, worker))

      assert.equal("{}", done)
      assert.equal("running", row(task.id).status)
      assert.equal(0, connection:value("select completed from taskq.stats()"))
    end)
  end

  it("fail moves, counts and records a task", function()
    local task = claim_one()

    local done = connection:query(
      ("execute fail(%s, '{%d}', '{failed}', '{f}', '{error}', '{boom}', '{at line 1}', '{3}', "
      .. "array[null]::jsonb[])")
        :format(fence(task), WORKER))

    assert.same({ {} }, done)
    assert.equal("failed", row(task.id).status)
    assert.equal("boom", row(task.id).error)
    assert.equal(3, row(task.id).max_attempts)
    assert.equal(1, connection:value("select failed from taskq.stats()"))
    assert.same({ { attempt = 1, kind = "error", error = "boom", traceback = "at line 1" } },
      connection:query("select attempt, kind, error, traceback from taskq.task_attempts"))
  end)

  it("requeue delays a task and records its attempt", function()
    local task = claim_one()

    local done = connection:query(
      ("execute requeue(%s, '{%d}', '{3600000000}', '{f}', '{error}', '{boom}', '{null}', "
      .. "array[null]::jsonb[])"):format(
        fence(task), WORKER))

    assert.same({ {} }, done)
    local after = row(task.id)
    assert.equal("pending", after.status)
    assert.equal(1, after.attempts)
    assert.equal("boom", after.error)
    assert.is_nil(after.worker_id)
    assert.is_true(connection:value("select scheduled_at > now() + interval '50 min' "
      .. "from taskq.worker_tasks where id = $1", task.id))
    assert.equal(1, connection:value("select attempt from taskq.task_attempts"))
  end)

  it("requeue hands an attempt back and keeps the place in the queue", function()
    local task = claim_one()
    local before = row(task.id)

    connection:query(("execute requeue(%s, '{%d}', '{null}', '{t}', '{null}', '{null}', '{null}', "
      .. "array[null]::jsonb[])")
      :format(fence(task), WORKER))

    local after = row(task.id)
    assert.equal("pending", after.status)
    assert.equal(0, after.attempts)
    assert.equal(1, after.claims)
    assert.equal(before.scheduled_at, after.scheduled_at)
    assert.equal(0, connection:value("select count(*) from taskq.task_attempts"))
  end)

  it("locate finds a row that has moved, and not one that is lost", function()
    local task, other = claim_one(), claim_one()
    connection:query("update taskq.worker_tasks_live set error = 'moved' where id = $1", task.id)

    local rows = connection:query(
      ("execute locate('{%d,%d,999999}', '{1,2,1}', '{%d,%d,%d}')"):format(
        task.id, other.id, WORKER, WORKER, WORKER))

    assert.equal(1, #rows)
    assert.equal(task.id, rows[1].id)
    assert.is_false(rows[1].is_locked)
    assert.not_equal(task.ctid, rows[1].ctid)
    assert.equal(rows[1].ctid, connection:value(
      "select ctid from taskq.worker_tasks_live where id = $1", task.id))
  end)

  it("claim_found takes only what is still there, pending and due", function()
    enqueue("'a'")
    local running = claim_one()
    local future = enqueue("'a', scheduled_at => now() + interval '1 hour'")
    local places = connection:query([[select id, ctid from taskq.worker_tasks_live order by id]])
    local ctids, ids = {}, {}
    for i, place in ipairs(places) do
      ctids[i], ids[i] = ("'%s'::tid"):format(place.ctid), place.id
    end
    assert.equal(3, #ids)

    local rows = connection:query(("execute claim_found(array[%s], '{%s}', %d)"):format(
      table.concat(ctids, ", "), table.concat(ids, ","), OTHER))

    assert.equal(1, #rows)
    assert.is_true(rows[1].id ~= future and rows[1].id ~= running.id)
    assert.equal(OTHER, row(rows[1].id).worker_id)
  end)

  it("sweep finds what lies behind the cursor", function()
    local id = enqueue("'a'")

    local behind = connection:query("execute sweep('{a}', '{0}', array[now()], "
      .. "'{9223372036854775807}', '-infinity', 'infinity', 10)")
    local ahead = connection:query("execute sweep('{a}', '{0}', "
      .. "array[now() - interval '1 hour'], '{0}', '-infinity', 'infinity', 10)")

    assert.equal(id, behind[1].id)
    assert.same({}, ahead)
  end)

  it("next_due tells how long until the first pending task", function()
    local none = connection:value("execute next_due('{a}', '{0}', '{-infinity}', '{0}')")
    enqueue("'a', scheduled_at => 'infinity'")
    local never = connection:value("execute next_due('{a}', '{0}', '{-infinity}', '{0}')")
    enqueue("'a', scheduled_at => now() + interval '1 hour'")
    local later = connection:value("execute next_due('{a}', '{0}', '{-infinity}', '{0}')")
    enqueue("'a'")
    local now = connection:value("execute next_due('{a}', '{0}', '{-infinity}', '{0}')")

    assert.is_nil(none)
    assert.is_true(never > 86000 * 1000000)
    assert.is_true(later > 3000 * 1000000 and later <= 3600 * 1000000)
    assert.equal(0, now)
  end)

  it("discover finds the lanes in the gaps, and those that woke", function()
    for _, priority in ipairs({ -5, 0, 3, 9 }) do
      enqueue(("'a', priority => %d"):format(priority))
    end

    local rows = connection:query("execute discover('{a,a,b}', '{-32769,0,-32769}', '{0,9,32768}', "
      .. "'{a,b}', '{0,0}', '{-infinity,-infinity}', '{0,0}')")

    assert.same({
      { type = "a", priority = -5 }, { type = "a", priority = 3 }, { type = "a", priority = 0 },
    }, rows)
  end)

  it("remaining sees what runs and what is due, and the future when asked", function()
    local function remaining(types, with_future)
      return connection:value(("execute remaining('%s', %s)"):format(types, with_future))
    end

    assert.is_false(remaining("{a,b}", true))
    enqueue("'a', priority => 5, scheduled_at => now() + interval '1 hour'")
    assert.is_false(remaining("{a,b}", false))
    assert.is_true(remaining("{a,b}", true))
    assert.is_false(remaining("{b}", true))
    claim_one()
    assert.is_true(remaining("{a}", false))
    assert.is_false(remaining("{b}", false))
  end)
end)
