--- `taskq cleanup`.

local database = require "support.database"
local taskq = require "support.taskq"
local tasks = require "support.tasks"

describe("taskq cleanup", function()
  local url, connection

  before_each(function()
    url = database.fresh()
    connection = database.connect(url)
    for _ = 1, 3 do
      tasks.finished(connection, "completed", { at = "2026-01-10T12:00:00Z" })
    end
    tasks.finished(connection, "failed", { at = "2026-01-10T12:00:00Z" })
    tasks.finished(connection, "completed")
  end)

  after_each(function() connection:close() end)

  local function clean_up(...)
    return taskq.run({ "cleanup", ... }, { database = url })
  end

  it("removes what finished long ago and tells how many", function()
    local result = clean_up("--older-than", "30d")

    assert.equal(0, result.code, result.err)
    assert.equal("removed 4\n", result.out)
    assert.equal(1, connection:value("select total from taskq.stats()"))
    assert.equal(1, connection:value("select count(*) from taskq.worker_tasks"))
  end)

  it("keeps to one status, and tells it as JSON", function()
    assert.equal('{"removed":1}\n', clean_up("--older-than=30d", "--status=failed", "--json").out)
    assert.equal("removed 0\n", clean_up("--older-than=30d", "--status=cancelled").out)
    assert.equal(4, connection:value("select completed from taskq.stats()"))
  end)

  it("says that a day is in use", function()
    -- A day of the past, that somebody reads.
    connection:query("create table taskq.worker_tasks_failed_20260109 partition of "
      .. "taskq.worker_tasks_failed for values from ('2026-01-09Z') to ('2026-01-10Z')")
    connection:query("begin; select * from taskq.worker_tasks_failed_20260109")

    local result = clean_up("--older-than", "30d")

    assert.equal(1, result.code)
    assert.equal("removed 4\n", result.out)
    assert.equal("taskq: some days are in use and were left: run it again later\n", result.err)
  end)

  for _, refusal in ipairs({
    { "the age is missing: taskq cleanup --older-than DURATION" },
    { "--older-than: 0 is out of range, it must be 1ms to 36600d", "--older-than", "0" },
    { '--older-than: "old" is not a duration: milliseconds, or a number with ms, s, m, h or d',
      "--older-than", "old" },
    { '--status: "pending" is none of completed, failed, cancelled', "--older-than", "1d",
      "--status", "pending" },
  }) do
    it("refuses " .. table.concat(refusal, " ", 2), function()
      local result = clean_up(table.unpack(refusal, 2))

      assert.equal(2, result.code)
      assert.equal("taskq: " .. refusal[1] .. "\n", result.err)
    end)
  end
end)
