--- taskq.unhandled_types: what waits for a handler that nobody has.

local database = require "support.database"
local tasks = require "support.tasks"

describe("taskq.unhandled_types", function()
  local url, connection

  before_each(function()
    url = database.fresh()
    connection = database.connect(url)
  end)

  after_each(function() connection:close() end)

  -- A worker with handlers of these types, whose lease has this much left.
  local function register(types, lease)
    connection:query([[insert into taskq.workers
      (id, name, host, pid, version, types, lease_until)
      values ($1, 'w', 'h', 1, 'v', $2, now() + $3::interval)]],
      require("luv").hrtime(), types, lease or "1 hour")
  end

  local function unhandled(most)
    local types = {}
    local rows = connection:query("select * from taskq.unhandled_types($1)", most or 1000)
    for i, row in ipairs(rows) do
      types[i] = row.type
    end
    return types
  end

  it("is empty where every type has a live worker", function()
    register "{a,b}"
    tasks.pending(connection, "'a'")
    tasks.pending(connection, "'b'")

    assert.same({}, unhandled())
  end)

  it("finds types before, between and behind those that are handled", function()
    register "{b,d}"
    register "{f}"
    for _, type in ipairs { "g", "a", "b", "c", "c:1", "d", "e", "f", "a", "A:z" } do
      tasks.pending(connection, ("'%s', priority => %d"):format(type, #type))
    end

    local found = unhandled()

    table.sort(found)
    assert.same({ "A:z", "a", "c", "c:1", "e", "g" }, found)
    assert.equal(2, #unhandled(2))
  end)

  it("does not count workers whose lease is over", function()
    register("{a}", "-1 second")
    tasks.pending(connection, "'a'")

    assert.same({ "a" }, unhandled())
  end)

  it("leaves out what only runs", function()
    tasks.running(connection, "'a'")
    assert.same({}, unhandled())

    register "{b}"
    tasks.pending(connection, "'c'")
    assert.same({ "c" }, unhandled(1))
  end)

  it("tells when the oldest task is due, whatever its priority", function()
    tasks.pending(connection, "'a', priority => 9, scheduled_at => now() + interval '2 days'")
    tasks.pending(connection, "'a', priority => 1, scheduled_at => now() + interval '1 day'")
    tasks.pending(connection, "'a', priority => -5, scheduled_at => now() + interval '3 days'")

    assert.is_true(connection:value([[
      select oldest_scheduled_at = (select min(scheduled_at) from taskq.worker_tasks_live)
      from taskq.unhandled_types()]]))
  end)

  for what, prepare in pairs {
    ["a huge table"] = "vacuum analyze taskq.worker_tasks_live",
    ["one that was never analyzed"] = "select 1",
  } do
    it("hops over " .. what, function()
      connection:query("alter table taskq.worker_tasks_live set (autovacuum_enabled = off)")
      connection:query([[insert into taskq.worker_tasks_live (type, priority)
        select 'handled:' || g % 3, g % 5 from generate_series(1, 60000) g]])
      connection:query([[insert into taskq.worker_tasks_live (type, priority)
        select t, g % 5 from generate_series(1, 30000) g,
          unnest('{a,handled:11,z}'::text[]) t]])
      register "{handled:0,handled:1,handled:2,nothing}"
      connection:query(prepare)

      assert.same({ "a", "handled:11", "z" }, unhandled())
      local rows, scanned = tasks.rows_read(connection, "select taskq.unhandled_types()")

      assert.equal(0, scanned)
      assert.is_true(rows <= 15 * 4, rows) -- 15 lanes
    end)
  end

  it("reads no further than it is asked to tell", function()
    connection:query([[insert into taskq.worker_tasks_live (type)
      select to_char(g, 'FM"type:"00000') from generate_series(1, 20000) g]])
    register "{type:00001,type:00003,type:00004,type:30000}"
    connection:query("vacuum analyze taskq.worker_tasks_live")

    assert.same({ "type:00002", "type:00005", "type:00006" }, unhandled(3))
    local rows, scanned = tasks.rows_read(connection, "select taskq.unhandled_types(3)")

    assert.equal(0, scanned)
    assert.is_true(rows <= 4 * 4, rows)
  end)

  it("does not walk over what an old snapshot keeps of handled types", function()
    connection:query([[insert into taskq.worker_tasks_live (type)
      select 'handled' from generate_series(1, 30000) g]])
    tasks.pending(connection, "'stranger'")
    register "{handled}"
    local old <close> = database.connect(url)
    old:query("begin isolation level repeatable read; select 1")
    connection:query("delete from taskq.worker_tasks_live where type = 'handled'")
    assert.same({ "stranger" }, unhandled()) -- and the catalogs have been read

    local plan = connection:query(
      "explain (analyze, buffers, format text) select * from taskq.unhandled_types()")

    local text = {}
    for i, line in ipairs(plan) do
      text[i] = line["QUERY PLAN"]
    end
    local blocks = math.tointeger(table.concat(text, "\n"):match("shared hit=(%d+)"))
    assert.is_true(blocks < 50, blocks)
  end)
end)
