--- taskq.query: what goes out, what comes back, and what a statement leaves behind.

local cjson = require "cjson"
local worker = require "support.worker"

describe("taskq.query", function()
  local queue, process

  setup(function()
    queue = worker.queue()
    queue.db:query("create table things (id int primary key, name text)")
    process = queue:start({ "--threads", "1", "--concurrency", "20", "--handler-connections", "2" })
  end)
  teardown(function()
    worker.stop(process)
    queue:close()
  end)

  -- Runs the body in a handler; returns its task.
  local function run(body, options)
    local id = queue:enqueue(options and options.type or "lua", { body = body },
      { max_attempts = 1 })
    queue:await(30, "the handler's end",
      "select status::text not in ('pending', 'running') from taskq.worker_tasks where id = $1", id)
    return queue:task(id)
  end

  -- The result of the body, as JSON of the database: {"a": 1}.
  local function result_of(body)
    local task = run(body)
    assert.equal("completed", task.status, task.error)
    return task.result
  end

  local function backends(state)
    return queue.db:value([[
      select count(*) from pg_stat_activity
      where datname = current_database() and application_name = 'taskq handler'
        and state like $1]], state or "%")
  end

  it("gives rows by column, in the types of the columns", function()
    local result = cjson.decode(result_of([[
      local rows = assert(taskq.query("select true as t, false as f, 1::int2 as i2, "
        .. "-2147483648 as i4, 9223372036854775807 as i8, 0.5::float4 as f4, "
        .. "1e300::float8 as f8, '{\"a\": [1, 1.5, {}]}'::jsonb as jb, '[]'::json as j, "
        .. "12.50 as numeric, null as nothing, "
        .. "'9b2c7b9e-0000-4000-8000-000000000001'::uuid as uuid, 'text' as text, "
        .. "'{1,2}'::int[] as list"))
      local row = rows[1]
      local types = {}
      for name, value in pairs(row) do
        types[name] = math.type(value) or type(value)
      end
      return { row = row, types = types, count = #rows, affected = rows.affected,
        exact = row.i8 == math.maxinteger, empty = taskq.json.encode(row.j),
        inner = taskq.json.encode(row.jb) }]]))

    assert.same({
      t = "boolean", f = "boolean", i2 = "integer", i4 = "integer", i8 = "integer", f4 = "float",
      f8 = "float", jb = "table", j = "table", numeric = "string", uuid = "string",
      text = "string", list = "string",
    }, result.types)
    assert.equal("12.50", result.row.numeric)
    assert.equal("{1,2}", result.row.list)
    assert.equal("[]", result.empty)
    assert.equal('{"a":[1,1.5,{}]}', result.inner)
    assert.same({ 1, 1, true }, { result.count, result.affected, result.exact })
  end)

  it("gives times as RFC 3339, in UTC", function()
    assert.equal('["2026-11-23T16:04:05.123Z", "2026-11-23T00:00:00Z", "infinity"]', result_of([[
      local row = assert(taskq.query("select '2026-11-23 17:04:05.123+01'::timestamptz as a, "
        .. "'2026-11-23'::timestamptz as b, 'infinity'::timestamptz as c"))[1]
      return { row.a, row.b, row.c }]]))
  end)

  it("takes parameters of every kind", function()
    assert.equal(
      '["héllo", "9007199254740993", "0.1", "true", "null", "null", "[1, {}]", "8", "null"]',
      result_of([[
        local row = assert(taskq.query("select $1::text as a, $2::int8::text as b, "
          .. "$3::float8::text as c, $4::bool::text as d, coalesce($5::text, 'null') as e, "
          .. "coalesce($6::text, 'null') as f, $7::jsonb::text as g, ($8::int + 1)::text as h, "
          .. "coalesce($9::text, 'null') as i", "héllo", 9007199254740993, 0.1, true, nil,
          taskq.null, { 1, {} }, "7", nil))[1]
        return { row.a, row.b, row.c, row.d, row.e, row.f, row.g, row.h, row.i }]]))
  end)

  it("says how many rows were touched", function()
    assert.equal("[3, 2, 1, 0, 0]", result_of([[
      local function affected(...) return assert(taskq.query(...)).affected end
      return { affected("insert into things select n, 'x' from generate_series(1, 3) n"),
        affected("update things set name = $1 where id > $2", "y", 1),
        affected("delete from things where id = 1"), affected("delete from things where id = 1"),
        affected("set work_mem = '1MB'") }]]))
  end)

  it("returns what the server says of a statement that it refuses", function()
    assert.equal('[null, "division by zero", "22012"]',
      result_of([[return { taskq.null, select(2, taskq.query("select 1/0")) }]]))
    assert.equal('"cannot insert multiple commands into a prepared statement"', result_of([[
      return (select(2, taskq.query("select $1::int; select 2", 1)))]]))
    assert.matches('^%["relation .*nothing.* does not exist", "42P01"%]$', result_of([[
      return { select(2, taskq.query("select 1 from nothing")) }]]))
  end)

  it("refuses what cannot be a parameter", function()
    assert.equal(
      '["body:3: parameter $2: a function cannot be a parameter", '
        .. '"body:4: parameter $1: PostgreSQL cannot take a text with a zero byte", '
        .. '"body:5: bad argument #1 to \'query\' (string expected, got nil)"]',
      result_of([[
        local function message(...) return (select(2, pcall(...))) end
        return { message(function() taskq.query("select $1", 1, print) end),
          message(function() taskq.query("select $1", "a\0b") end),
          message(function() taskq.query(nil) end) }]]))
  end)

  it("refuses to copy, and goes on", function()
    assert.equal('["0A000", "0A000", 1]', result_of([[
      return { (select(3, taskq.query("copy things to stdout"))),
        (select(3, taskq.query("copy things from stdin"))),
        taskq.query("select 1 as one")[1].one }]]))
  end)

  it("refuses to leave a transaction open, and rolls it back", function()
    assert.equal('["25001", 0]', result_of([[
      local _, _, state = taskq.query("begin")
      return { state, taskq.query("select count(*) as n from pg_stat_activity where "
        .. "datname = current_database() and application_name = 'taskq handler' "
        .. "and state like 'idle in%'")[1].n }]]))
  end)

  it("leaves nothing behind in the session", function()
    assert.equal('["UTC", 0, 0, null]', result_of([[
      for _, sql in ipairs { "set timezone = 'Asia/Tokyo'", "select pg_advisory_lock(1)",
        "listen something", "create temp table mine (id int)" } do
        for _ = 1, 3 do assert(taskq.query(sql)) end
      end
      return { taskq.query("select current_setting('timezone') as zone")[1].zone,
        taskq.query("select count(*) as n from pg_locks where locktype = 'advisory' "
          .. "and pid = pg_backend_pid()")[1].n,
        taskq.query("select count(*) as n from pg_listening_channels()")[1].n,
        taskq.query("select to_regclass('pg_temp.mine')::text as name")[1].name or taskq.null }]]))
  end)

  it("waits inside coroutines too", function()
    assert.equal("[1, 2, 3]", result_of([[
      local list = {}
      for n in coroutine.wrap(function()
        for i = 1, 3 do coroutine.yield(taskq.query("select $1::int as n", i)[1].n) end
      end) do list[#list + 1] = n end
      return list]]))
  end)

  it("never has more connections than it may, and makes the others wait in line", function()
    queue:await(30, "the connections that were closed to be gone", [[
      select count(*) <= 2 from pg_stat_activity
      where datname = current_database() and application_name = 'taskq handler']])
    for _ = 1, 12 do
      queue:enqueue("lua", { body = [[
        local most = 0
        for _ = 1, 5 do
          local n = assert(taskq.query("select count(*) as n, pg_sleep(0.01) from pg_stat_activity "
            .. "where datname = current_database() and application_name = 'taskq handler'"))[1].n
          most = math.max(most, n)
        end
        note("most " .. most)]] })
    end
    queue:await_notes(12, "most ")

    for _, line in ipairs(queue:notes()) do
      assert.is_true(line == "most 1" or line == "most 2", line)
    end
    assert.is_true(backends() <= 2)
  end)

  it("is cancelled in the server when its task is stopped", function()
    for _ = 1, 3 do
      local task = run([[taskq.query("select pg_sleep(3600)")]], { type = "lua:brief" })
      assert.equal("failed", task.status)
      assert.matches("^timeout: ", task.error)
    end

    queue:await(30, "the statements to end", [[
      select count(*) = 0 from pg_stat_activity where datname = current_database()
        and application_name = 'taskq handler' and state = 'active']])
    assert.equal("1", result_of([[return taskq.query("select 1 as one")[1].one]]))
  end)

  it("is cancelled when its task is cancelled", function()
    local id = queue:enqueue("lua", { body = [[
      note("begun")
      taskq.query("select pg_sleep(3600)")]] })
    queue:await_notes(1, "begun")
    queue:await(30, "the statement", [[
      select count(*) = 1 from pg_stat_activity where datname = current_database()
        and application_name = 'taskq handler' and state = 'active']])

    queue.db:query("select taskq.cancel($1)", id)
    queue:await_count("cancelled", 1)

    queue:await(30, "the statement to end", [[
      select count(*) = 0 from pg_stat_activity where datname = current_database()
        and application_name = 'taskq handler' and state = 'active']])
  end)

  it("returns a lost connection as an error, and has a new one for the next", function()
    local id = queue:enqueue("lua", { body = [[
      note("waiting")
      local _, message, state = taskq.query("select pg_sleep(3600)")
      return { state, taskq.query("select 1 as one")[1].one, message }]] })
    queue:await_notes(1, "waiting")
    queue:await(30, "the statement", [[
      select count(pg_terminate_backend(pid)) = 1 from pg_stat_activity
      where datname = current_database() and application_name = 'taskq handler'
        and state = 'active' and query = 'select pg_sleep(3600)']])
    queue:await(30, "the end", "select status = 'completed' from taskq.worker_tasks where id = $1",
      id)

    local result = cjson.decode(queue:task(id).result)
    assert.same({ "57P01", 1 }, { result[1], result[2] })
  end)

  it("gives up rows that are larger than the task's memory", function()
    assert.equal('["54000", 1]', result_of([[
      local _, _, state = taskq.query(
        "select repeat('x', 1000000) as x from generate_series(1, 100)")
      return { state, taskq.query("select 1 as one")[1].one }]]))
  end)

  it("reads a large answer whole", function()
    assert.equal("[100000, 100000, 5000050000]", result_of([[
      local rows, sum = assert(taskq.query("select n, 'row ' || n as name "
        .. "from generate_series(1, 100000) n")), 0
      for _, row in ipairs(rows) do sum = sum + row.n end
      return { #rows, rows.affected, sum }]]))
  end)
end)
