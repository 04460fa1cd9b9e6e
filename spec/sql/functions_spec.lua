--- The functions that producers and people call.

local database = require "support.database"

describe("taskq.enqueue", function()
  local url, connection

  setup(function()
    url = database.fresh()
    connection = database.connect(url)
  end)

  teardown(function() connection:close() end)

  local function row(id)
    return connection:query([[
      select *, scheduled_at > now() as is_future, scheduled_at >= created_at as is_not_older
      from taskq.worker_tasks where id = $1]], id)[1]
  end

  it("needs only a type", function()
    local task = row(connection:value("select taskq.enqueue('email:send')"))

    assert.equal("email:send", task.type)
    assert.equal("pending", task.status)
    assert.equal("{}", task.payload)
    assert.equal(0, task.priority)
    assert.equal(0, task.attempts)
    assert.equal(0, task.claims)
    assert.is_nil(task.max_attempts)
    assert.is_true(task.is_not_older)
  end)

  it("takes everything by name", function()
    local task = row(connection:value([[select taskq.enqueue(
      type => 'a', payload => '[1, 1.0, 12345678901234567890123]', priority => -7,
      max_attempts => 9, scheduled_at => now() + interval '1 hour')]]))

    assert.equal("[1, 1.0, 12345678901234567890123]", task.payload)
    assert.equal(-7, task.priority)
    assert.equal(9, task.max_attempts)
    assert.is_true(task.is_future)
  end)

  it("takes nulls as if they were left out, and a JSON null as a payload", function()
    local defaults = row(connection:value("select taskq.enqueue('a', null, null, null, null)"))
    local null = row(connection:value("select taskq.enqueue('a', 'null')"))

    assert.equal("{}", defaults.payload)
    assert.equal(0, defaults.priority)
    assert.equal("null", null.payload)
  end)

  it("raises a time that has passed to now", function()
    local task = row(connection:value(
      "select taskq.enqueue('a', scheduled_at => '2000-01-01T00:00:00Z')"))

    assert.is_true(task.is_not_older)
  end)

  it("gives tasks to the transaction of the caller", function()
    connection:query("begin")
    local id = connection:value("select taskq.enqueue('a')")
    connection:query("rollback")

    assert.is_nil(row(id))
  end)

  for what, call in pairs({
    ["an empty type"] = "''",
    ["a type of 201 bytes"] = "repeat('x', 201)",
    ["a missing type"] = "null",
    ["no attempts"] = "'a', max_attempts => 0",
    ["too many attempts"] = "'a', max_attempts => 1001",
    ["a priority that no smallint holds"] = "'a', priority => 40000",
    ["a payload with a zero character"] = [['a', '"\u0000"']],
  }) do
    it("refuses " .. what, function()
      assert.has_error(function() connection:query(("select taskq.enqueue(%s)"):format(call)) end)
    end)
  end
end)

describe("the errors of taskq.enqueue", function()
  -- As docs/sql.md has them.
  local ERRORS = {
    ["23514"] = {
      "''", "repeat('x', 201)", "'a', max_attempts => 0", "'a', max_attempts => 1001",
      [['a', to_jsonb(repeat('x', 1048577))]],
    },
    ["22003"] = { "'a', priority => 40000" },
    ["23502"] = { "null" },
    ["22P05"] = { [['a', '"\u0000"']] },
    ["22P02"] = { "'a', '{'" },
  }
  local connection

  setup(function() connection = database.connect(database.fresh()) end)
  teardown(function() connection:close() end)

  for state, calls in pairs(ERRORS) do
    it("have the SQLSTATE " .. state, function()
      for _, call in ipairs(calls) do
        local got = connection:value([[
          create or replace function pg_temp.state() returns text language plpgsql as $f$
          begin
            execute $1;
          exception when others then
            return sqlstate;
          end $f$;
          select pg_temp.state()]], "select taskq.enqueue(" .. call .. ")")

        assert.equal(state, got, call)
      end
    end)
  end

  it("leave room for a payload of just 1 MiB", function()
    assert.is_truthy(connection:value(
      "select taskq.enqueue('a', to_jsonb(repeat('x', 1048576 - 12)))"))
  end)
end)

describe("taskq.enqueue_many", function()
  local url

  setup(function() url = database.fresh() end)

  it("enqueues an array and returns how many", function()
    local count = database.value(url, [[select taskq.enqueue_many('[
      {"type": "many:a"},
      {"type": "many:b", "payload": [1.0, 12345678901234567890123], "priority": 3,
       "max_attempts": 2, "scheduled_at": "2999-01-01T00:00:00+05:45"},
      {"type": "many:c", "payload": null, "priority": null, "scheduled_at": "2000-01-01T00:00:00Z"}
    ]')]])
    local rows = database.query(url, [[
      select type, payload, priority, max_attempts, scheduled_at >= created_at as is_not_older,
        extract(epoch from scheduled_at - '2998-12-31T18:15:00Z') as since
      from taskq.worker_tasks where type like 'many:%' order by type]])

    assert.equal(3, count)
    assert.equal("{}", rows[1].payload)
    assert.equal("[1.0, 12345678901234567890123]", rows[2].payload)
    assert.equal(3, rows[2].priority)
    assert.equal(2, rows[2].max_attempts)
    assert.equal(0, rows[2].since)
    assert.equal("null", rows[3].payload)
    assert.equal(0, rows[3].priority)
    assert.is_true(rows[3].is_not_older)
  end)

  it("takes an empty array", function()
    assert.equal(0, database.value(url, "select taskq.enqueue_many('[]')"))
  end)

  it("enqueues all or none", function()
    assert.has_error(function()
      database.query(url, [[select taskq.enqueue_many('[{"type": "none"}, {"typ": "none"}]')]])
    end)
    assert.equal(0,
      database.value(url, "select count(*) from taskq.worker_tasks where type = 'none'"))
  end)
end)

describe("taskq.stats", function()
  it("counts live tasks and adds up finished ones", function()
    local url = database.fresh()
    database.query(url, [[
      insert into taskq.worker_tasks (type, status) values
        ('a', 'pending'), ('a', 'pending'), ('a', 'pending'), ('b', 'running'), ('b', 'running');
      insert into taskq.finished_counts values
        ('2026-01-01', 'completed', 'a', 10), ('2026-01-02', 'completed', 'b', 5),
        ('2026-01-02', 'failed', 'b', 4), ('2026-01-02', 'failed', 'b', -1),
        ('2026-01-03', 'cancelled', 'a', 1)]])

    assert.same({
      { pending = 3, running = 2, completed = 15, failed = 3, cancelled = 1, total = 24 },
    }, database.query(url, "select * from taskq.stats()"))
  end)

  it("is all zero at first", function()
    assert.same({
      { pending = 0, running = 0, completed = 0, failed = 0, cancelled = 0, total = 0 },
    }, database.query(database.fresh(), "select * from taskq.stats()"))
  end)
end)
