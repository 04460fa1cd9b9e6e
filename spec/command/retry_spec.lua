--- `taskq retry`: by ids, and all that match.

local database = require "support.database"
local taskq = require "support.taskq"
local tasks = require "support.tasks"

local MISSING = "an id is missing: taskq retry ID..., or --type GLOB, --status STATUS, "
  .. "--newer-than DURATION, ..."

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

  describe("by age", function()
    local old, middle, new

    before_each(function()
      connection:query("delete from taskq.worker_tasks")
      old = tasks.finished(connection, "failed", { at = "2026-01-10T12:00:00Z" })
      middle = tasks.finished(connection, "failed", {
        at = connection:value("select now() - interval '2 hours'"), arguments = "'b'",
      })
      new = tasks.finished(connection, "failed")
    end)

    for what, case in pairs({
      ["newer than"] = { { "--newer-than", "3h" }, function() return { middle, new } end },
      ["older than"] = { { "--older-than", "1h" }, function() return { old, middle } end },
      ["between two ages"] = {
        { "--newer-than", "3h", "--older-than", "1h" }, function() return { middle } end,
      },
      ["after a time"] = {
        { "--finished-after", "2026-01-10T12:00:00Z" },
        function() return { old, middle, new } end,
      },
      ["before a time"] = {
        { "--finished-before=2026-01-10T12:00:00.000001Z" }, function() return { old } end,
      },
      ["not before a time"] = {
        { "--finished-before=2026-01-10T13:00:00+01:00" }, function() return {} end,
      },
      ["of a type, and an age"] = {
        { "--type=b", "--newer-than=3h" }, function() return { middle } end,
      },
    }) do
      it("takes what is " .. what, function()
        local expected = case[2]()

        local result = retry(table.unpack(case[1]))

        assert.equal(("retried %d\n"):format(#expected), result.out, result.err)
        local retried = {}
        for i, row in ipairs(connection:query(
          "select id from taskq.worker_tasks where status = 'pending' order by id")) do
          retried[i] = row.id
        end
        assert.same(expected, retried)
      end)
    end

    it("keeps to the first batch's bounds in the batches that follow", function()
      connection:query([[insert into taskq.worker_tasks (type, status, finished_at)
        select 'a', 'failed', now() - interval '30 minutes' from generate_series(1, 1500) g]])

      assert.equal("retried 1502\n", retry("--newer-than", "3h").out)
    end)
  end)

  for _, refusal in ipairs({
    { MISSING },
    { MISSING, "--reset-attempts" },
    { "ids exclude --type, --status and bounds of the age", "1", "--type", "a" },
    { "ids exclude --type, --status and bounds of the age", "1", "--older-than", "1h" },
    { "--limit needs --type, --status or an age", "1", "--limit", "5" },
    { "--finished-after and --newer-than exclude each other",
      "--finished-after", "2026-01-01T00:00:00Z", "--newer-than", "1h" },
    { "--finished-before and --older-than exclude each other",
      "--finished-before", "2026-01-01T00:00:00Z", "--older-than", "1h" },
    { "no task can lie between these two bounds", "--newer-than", "1h", "--older-than", "60m" },
    { "no task can lie between these two bounds", "--finished-after", "2026-01-01T00:00:00Z",
      "--finished-before", "2026-01-01T01:00:00+01:00" },
    { '--finished-after: "yesterday" is not a time with its offset, such as 2026-11-24T09:30:00Z '
      .. "or 2026-11-24T09:30:00+05:45", "--finished-after", "yesterday" },
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
