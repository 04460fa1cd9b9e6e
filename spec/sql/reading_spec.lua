--- taskq.list and taskq.show.

local database = require "support.database"
local tasks = require "support.tasks"

describe("taskq.list", function()
  local connection

  setup(function()
    connection = database.connect(database.fresh())
    connection:query([[
      insert into taskq.worker_tasks (type, status, finished_at)
      select (array['email:send', 'report:generate'])[g % 2 + 1],
        (array['completed', 'failed', 'cancelled'])[g % 3 + 1]::taskq.task_status,
        now() + g % 7 * interval '1 day'
      from generate_series(1, 2000) g]])
    connection:query("select taskq.enqueue('email:send') from generate_series(1, 1000)")
  end)

  teardown(function() connection:close() end)

  local function ids(arguments)
    local list = {}
    for i, row in ipairs(connection:query(("select id from taskq.list(%s)"):format(arguments))) do
      list[i] = row.id
    end
    return list
  end

  local function expected(condition)
    local list = {}
    for i, row in ipairs(connection:query(("select id from taskq.worker_tasks where %s "
      .. "order by id desc"):format(condition))) do
      list[i] = row.id
    end
    return list
  end

  it("gives the newest first, page after page, each task once", function()
    local all, after = {}, "null"
    repeat
      local page = ids("most => 700, after => " .. after)
      table.move(page, 1, #page, #all + 1, all)
      after = page[#page]
    until #page < 700

    assert.same(expected("true"), all)
    assert.equal(3000, #all)
  end)

  it("takes a status and a glob of types", function()
    assert.same(expected("status = 'failed'"), ids("'failed', most => 5000"))
    assert.same(expected("type like 'report:%'"), ids("type => 'report:*', most => 5000"))
    assert.same(expected("type = 'email:send' and status = 'cancelled'"),
      ids("'cancelled', 'email:send', 5000"))
    assert.same({}, ids("type => 'email'"))
  end)

  it("has the columns of the table", function()
    local id = ids("most => 1")[1]

    assert.same(tasks.row(connection, id),
      connection:query("select * from taskq.list(most => 1)")[1])
  end)

  for what, arguments in pairs({
    ["a page"] = "most => 20",
    ["a later page"] = "most => 20, after => 1500",
    ["a page of a status"] = "'failed', most => 20, after => 1500",
    ["a page of a status and a type"] = "'completed', 'email:*', 20",
  }) do
    it("reads little more than " .. what, function()
      local rows, scanned = tasks.rows_read(connection,
        ("select * from taskq.list(%s)"):format(arguments))

      assert.equal(0, scanned)
      assert.is_true(rows <= 100, rows)
    end)
  end
end)

describe("taskq.show", function()
  local connection

  setup(function() connection = database.connect(database.fresh()) end)
  teardown(function() connection:close() end)

  local function show(id, path)
    return connection:value("select taskq.show($1) #>> $2", id, path or "{}")
  end

  it("gives the task, wherever it is, with its attempts", function()
    local id = tasks.finished(connection, "failed", { arguments = "'a', '{\"n\": 1.0}'" })
    connection:query([[insert into taskq.task_attempts
      select $1, n, n, 7, 'a', 'error', 'boom ' || n, 'at line 1', now(), now()
      from generate_series(3, 1, -1) n]], id)

    assert.equal("failed", show(id, "{status}"))
    assert.equal('{"n": 1.0}', show(id, "{payload}"))
    assert.equal("boom 1", show(id, "{task_attempts,0,error}"))
    assert.equal("boom 3", show(id, "{task_attempts,2,error}"))
    assert.equal("3", tostring(connection:value(
      "select json_array_length(taskq.show($1) -> 'task_attempts')", id)))
  end)

  it("tells that the end of a task was requested", function()
    local id = tasks.running(connection)
    assert.is_nil(show(id, "{cancel_requested_at}"))

    connection:query("select taskq.cancel($1)", id)

    assert.is_truthy(show(id, "{cancel_requested_at}"))
    assert.equal("[]", show(id, "{task_attempts}"))
  end)

  it("is null for a task that is not there", function()
    assert.is_nil(show(999999))
  end)

  it("goes straight to its row, however long the history is", function()
    connection:query([[insert into taskq.worker_tasks (type, status, finished_at)
      select 'a', 'completed', now() + g % 7 * interval '1 day' from generate_series(1, 3000) g]])
    local id = tasks.finished(connection, "completed")

    local rows, scanned = tasks.rows_read(connection, ("select taskq.show(%d)"):format(id))

    assert.equal(0, scanned)
    assert.is_true(rows <= 2, rows)
  end)
end)
