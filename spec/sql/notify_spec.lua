--- The doorbell: an insert notifies only while nobody has promised to look.

local database = require "support.database"
local process = require "support.process"
local wait = require "support.wait"

local ENQUEUE = "select taskq.enqueue('a');"
local NOW_MS = "(extract(epoch from clock_timestamp()) * 1000)::bigint"

describe("the trigger on taskq.worker_tasks", function()
  local url

  setup(function() url = database.fresh() end)

  -- How many notifications a session hears that listens and then runs these statements.
  local function heard(statements)
    local result = process.run({ "psql", "-XqAt", "--set", "ON_ERROR_STOP=1", url }, {
      stdin = "listen taskq;\n" .. statements .. "\n",
    })
    assert.equal(0, result.code, result.err)
    local _, count = result.out:gsub('Asynchronous notification "taskq"', "")
    return count
  end

  local function promise(ms)
    return ("select setval('taskq.awake_until', greatest(0, %s + %d));"):format(NOW_MS, ms)
  end

  -- A promise lasts for less than a second, in which a busy machine may do nothing of this.
  local function assert_silent(statements)
    wait.assert_below(1, function() return heard(statements) end)
  end

  it("notifies when nobody ever promised to look", function()
    assert.equal(1, heard(ENQUEUE))
  end)

  it("is silent while somebody has promised to look", function()
    assert_silent(promise(900) .. ENQUEUE)
  end)

  it("notifies when the promise has lapsed", function()
    assert.equal(1, heard(promise(-1) .. ENQUEUE))
  end)

  it("notifies when the promise lies too far ahead, because a clock was set back", function()
    assert.equal(1, heard(promise(60000) .. ENQUEUE))
  end)

  it("sees a promise that was made after the transaction began", function()
    assert_silent("begin isolation level repeatable read; select 1;" .. promise(900) .. ENQUEUE
      .. "commit;")
  end)

  it("notifies once for many rows", function()
    assert.equal(1, heard(promise(-1)
      .. [[select taskq.enqueue_many('[{"type": "a"}, {"type": "a"}, {"type": "b"}]');]]))
  end)

  it("can be silenced, for two-phase commit", function()
    assert.equal(0, heard(promise(-1) .. "begin; set local taskq.notify = off;" .. ENQUEUE
      .. "prepare transaction 'notify_spec'; commit prepared 'notify_spec';"))
  end)

  it("fires for COPY", function()
    assert.equal(1, heard(promise(-1)
      .. "\ncopy taskq.worker_tasks (type) from stdin;\na\nb\n\\.\n"))
  end)
end)
