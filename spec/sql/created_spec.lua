--- Which tasks an insert tells of, while somebody hears.

local database = require "support.database"
local plans = require "support.plans"
local process = require "support.process"
local tasks = require "support.tasks"

local NOW_MS = "(extract(epoch from clock_timestamp()) * 1000)::bigint"
local INSERT = "insert into taskq.worker_tasks (type) select 'a' from generate_series(1, %d);"

describe("an insert", function()
  local url

  setup(function() url = database.fresh() end)

  local function hear(ms)
    return ("select setval('taskq.heard_until', greatest(0, %s + %d));"):format(NOW_MS, ms)
  end

  -- The ids that a session is told of that runs these statements, a list a notification; and what
  -- it prints.
  local function told(statements, ms)
    local result = process.run({ "psql", "-XqAt", "--set", "ON_ERROR_STOP=1", url }, {
      stdin = "listen taskq_created;\n" .. hear(ms or 50000) .. "\n" .. statements .. "\n",
    })
    assert.equal(0, result.code, result.err)
    local lists = {}
    for payload in result.out:gmatch('notification "taskq_created" with payload "([%d,]+)"') do
      lists[#lists + 1] = payload
    end
    return lists, result.out
  end

  local function newest(count)
    local ids = {}
    for i, row in ipairs(database.query(url, [[
      select id from taskq.worker_tasks order by created_at desc, id limit $1]], count)) do
      ids[i] = tostring(row.id)
    end
    return table.concat(ids, ",")
  end

  it("tells nothing when nobody hears", function()
    assert.same({}, told("select taskq.enqueue('a');", -1))
  end)

  it("tells nothing when the promise lies too far ahead, because a clock was set back", function()
    assert.same({}, told("select taskq.enqueue('a');", 3600000))
  end)

  it("tells its task", function()
    local lists = told("select taskq.enqueue('a');")

    assert.same({ newest(1) }, lists)
  end)

  it("tells all tasks of a statement at once, though their ids have gaps", function()
    told("select taskq.enqueue('a');") -- another session takes ids in between

    local lists = told(INSERT:format(70))

    assert.equal(1, #lists)
    assert.equal(newest(70), lists[1])
  end)

  it("tells at most 100 tasks of a statement, and none of them with the next one", function()
    local lists = told(INSERT:format(15000) .. "select taskq.enqueue('z');")

    assert.equal(2, #lists)
    assert.equal(99, select(2, lists[1]:gsub(",", "")))
    assert.is_nil(lists[2]:find(","))
  end)

  it("tells each statement's own tasks in one transaction, and not what was taken back", function()
    local lists, out = told("begin;" .. INSERT:format(2) .. "savepoint a;" .. INSERT:format(2)
      .. "rollback to a; insert into taskq.worker_tasks (type) values ('b') returning id; commit;")

    assert.equal(2, #lists)
    assert.equal(1, select(2, lists[1]:gsub(",", "")))
    assert.truthy(out:find("\n" .. lists[2] .. "\n", 1, true))
  end)

  it("does not tell tasks of other transactions", function()
    database.query(url, "select taskq.enqueue('other')")

    local lists = told("select taskq.enqueue('a');")

    assert.same({ newest(1) }, lists)
  end)

  it("tells nothing without a row, whether its session ever made a task or not", function()
    assert.same({}, (told(INSERT:format(0))))
    assert.equal(1, #told("select taskq.enqueue('a');" .. INSERT:format(0)))
  end)

  it("tells tasks that are copied", function()
    local lists = told("copy taskq.worker_tasks (type) from stdin;\na\nb\n\\.")

    assert.same({ newest(2) }, lists)
  end)

  it("can be silenced, for two-phase commit", function()
    assert.same({}, (told("begin; set local taskq.notify = off; select taskq.enqueue('a');"
      .. "prepare transaction 'created_spec'; commit prepared 'created_spec';")))
  end)

  it("asks an index for its rows on a large table that was never analyzed", function()
    local connection <close> = database.connect(url)
    connection:query("alter table taskq.worker_tasks_live set (autovacuum_enabled = off)")
    connection:query(INSERT:format(100000))
    connection:query(hear(50000))

    local _, scanned = tasks.rows_read(connection, "select taskq.enqueue('a')")

    assert.equal(0, scanned)
  end)
end)

describe("what is read of new tasks", function()
  for _, name in ipairs { "created", "followed" } do
    it("includes one that finishes after the statement began: " .. name, function()
      local url = database.fresh()
      local reader <close> = database.connect(url)
      local other <close> = database.connect(url)
      plans.prepare(reader, name)
      reader:query("begin")
      reader:query("select now()") -- which stands still from here on

      local id = tasks.finished(other, "completed")

      local rows = reader:query(("execute %s('{%d}')"):format(name, id))
      assert.equal(id, rows[1] and rows[1].id)
    end)
  end
end)
