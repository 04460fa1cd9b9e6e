--- `taskq retry`: by ids, and all that match.

local database = require "support.database"
local taskq = require "support.taskq"
local tasks = require "support.tasks"

describe("taskq retry", function()
  local url, connection

  setup(function()
    url = database.fresh()
    connection = database.connect(url)
  end)

  teardown(function() connection:close() end)

  before_each(function()
    connection:query("truncate taskq.worker_tasks, taskq.finished_counts")
  end)

  local function retry(...)
    return taskq.run({ "retry", ... }, { database = url })
  end

  it("puts tasks back", function()
    local failed = tasks.finished(connection, "failed")
    local cancelled = tasks.finished(connection, "cancelled")

    local result = retry(failed, cancelled)

    assert.equal(0, result.code, result.err)
    assert.equal(("%d retried\n%d retried\n"):format(failed, cancelled), result.out)
    assert.equal(2, connection:value("select pending from taskq.stats()"))
    assert.equal(1, tasks.row(connection, failed).attempts)
  end)

  it("forgets the attempts when asked", function()
    local failed = tasks.finished(connection, "failed")

    assert.equal(0, retry(failed, "--reset-attempts").code)

    assert.equal(0, tasks.row(connection, failed).attempts)
  end)

  it("goes on after a refusal", function()
    local pending, failed = tasks.pending(connection), tasks.finished(connection, "failed")

    local result = retry(pending, failed, "--json")

    assert.equal(1, result.code)
    assert.equal(('[{"id":%d,"outcome":"refused","reason":"task %d is pending, neither failed nor '
      .. 'cancelled"},{"id":%d,"outcome":"retried"}]\n'):format(pending, pending, failed),
      result.out)
    assert.equal(("taskq: task %d is pending, neither failed nor cancelled\n"):format(pending),
      result.err)
  end)

  it("takes all of a type, in as many batches as it needs", function()
    connection:query([[
      insert into taskq.worker_tasks (type, status, finished_at)
      select case when g % 10 = 0 then 'report:generate' else 'email:send' end, 'failed', now()
      from generate_series(1, 2500) g;
      insert into taskq.finished_counts select now()::date, 'failed', 'x', 2500]])

    local result = retry("--type", "email:*")

    assert.equal(0, result.code, result.err)
    assert.equal("retried 2250\n", result.out)
    assert.equal('{"retried":250}\n', retry("--status", "failed", "--json").out)
    assert.equal("retried 0\n", retry("--status=failed").out)
    assert.equal(2500, connection:value("select pending from taskq.stats()"))
    assert.equal(0, connection:value("select failed from taskq.stats()"))
  end)

  it("takes the oldest up to a limit, of one status", function()
    local first = tasks.finished(connection, "cancelled")
    tasks.finished(connection, "failed")
    local second = tasks.finished(connection, "cancelled")

    assert.equal("retried 1\n", retry("--status", "cancelled", "--limit", "1").out)

    assert.equal("pending", tasks.row(connection, first).status)
    assert.equal("cancelled", tasks.row(connection, second).status)
  end)

  for _, refusal in ipairs({
    { "an id is missing: taskq retry ID..., or --type GLOB, or --status STATUS" },
    { "an id is missing: taskq retry ID..., or --type GLOB, or --status STATUS",
      "--reset-attempts" },
    { "ids and --type or --status exclude each other", "1", "--type", "a" },
    { "--limit needs --type or --status", "1", "--limit", "5" },
    { '--status: "completed" is none of failed, cancelled', "--status", "completed" },
    { '--status: "fail" is none of failed, cancelled', "--status", "fail" },
  }) do
    it("refuses " .. table.concat(refusal, " ", 2), function()
      local result = retry(table.unpack(refusal, 2))

      assert.equal(2, result.code)
      assert.equal("taskq: " .. refusal[1] .. "\n", result.err)
    end)
  end
end)
