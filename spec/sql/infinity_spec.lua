--- Times without beginning or end, which a plain insert can give to a task.

local database = require "support.database"
local plans = require "support.plans"
local tasks = require "support.tasks"

describe("a task whose time is infinite", function()
  local connection

  before_each(function()
    connection = database.connect(database.fresh())
    connection:query(plans.settings())
  end)

  after_each(function() connection:close() end)

  local function execute(name, arguments)
    plans.prepare(connection, name)
    return connection:query(("execute %s(%s)"):format(name, arguments))
  end

  local function insert(scheduled_at)
    return connection:value([[insert into taskq.worker_tasks (type, scheduled_at)
      values ('a', $1) returning id]], scheduled_at)
  end

  it("is found behind the cursors", function()
    local id = insert("-infinity")

    local found = execute("sweep",
      "'{a}', '{0}', array[now()], '{0}', '-infinity', 'infinity', 10")

    assert.equal(id, found[1] and found[1].id)
  end)

  it("is due now", function()
    insert("-infinity")

    local waits = execute("next_due", "'{a}', '{0}', '{-infinity}', '{0}'")

    assert.equal(0, waits[1].case)
  end)

  it("is listed with it", function()
    insert("infinity")
    insert("-infinity")

    local listed = execute("list", "null, null, 10, null, false")

    assert.equal("-infinity", listed[1].scheduled_at)
    assert.equal("infinity", listed[2].scheduled_at)
  end)

  for _, name in ipairs({ "stale", "held" }) do
    it("has an age for " .. name, function()
      for _, time in ipairs({ "infinity", "-infinity" }) do
        local id = tasks.running(connection)
        connection:query("update taskq.worker_tasks_live set created_at = $2 where id = $1",
          id, time)
      end

      local found = execute(name, "'(0,0)', '(1000,0)', 7")

      assert.equal(2, #found)
      assert.is_true(found[1].age_ms < 60000)
      assert.is_true(found[2].age_ms > 60000)
    end)
  end
end)
