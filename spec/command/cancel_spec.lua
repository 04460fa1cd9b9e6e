--- `taskq cancel ID...`, and what the commands have in common that take ids.

local database = require "support.database"
local taskq = require "support.taskq"
local tasks = require "support.tasks"

describe("taskq cancel", function()
  local url, connection

  setup(function()
    url = database.fresh()
    connection = database.connect(url)
  end)

  teardown(function() connection:close() end)

  local function cancel(...)
    return taskq.run({ "cancel", ... }, { database = url })
  end

  it("tells what became of each task", function()
    local pending, running = tasks.pending(connection), tasks.running(connection)

    local result = cancel(pending, running)

    assert.equal(0, result.code, result.err)
    assert.equal(("%d cancelled\n%d requested\n"):format(pending, running), result.out)
    assert.equal("", result.err)
    assert.equal("cancelled", tasks.row(connection, pending).status)
    assert.equal(1, connection:value("select count(*) from taskq.cancel_requests where id = $1",
      running))
  end)

  it("goes on after a refusal", function()
    local done, pending = tasks.finished(connection, "completed"), tasks.pending(connection)

    local result = cancel(done, "999999", pending)

    assert.equal(1, result.code)
    assert.equal(("%d cancelled\n"):format(pending), result.out)
    assert.equal(("taskq: task %d is completed already\ntaskq: there is no task 999999\n"):format(
      done), result.err)
  end)

  it("tells it as one JSON document", function()
    local pending = tasks.pending(connection)

    local result = cancel(pending, "999999", "--json")

    assert.equal(1, result.code)
    assert.equal(('[{"id":%d,"outcome":"cancelled"},{"id":999999,"outcome":"refused",'
      .. '"reason":"there is no task 999999"}]\n'):format(pending), result.out)
    assert.equal("taskq: there is no task 999999\n", result.err)
  end)

  for argument, message in pairs({
    [""] = '"" is not the id of a task',
    ["0"] = '"0" is not the id of a task',
    ["12x"] = '"12x" is not the id of a task',
    ["+1"] = '"+1" is not the id of a task',
    ["9223372036854775808"] = '"9223372036854775808" is not the id of a task',
  }) do
    it(('does nothing when an argument is "%s"'):format(argument), function()
      local pending = tasks.pending(connection)

      local result = cancel(pending, argument)

      assert.equal(2, result.code)
      assert.equal("taskq: " .. message .. "\n", result.err)
      assert.equal("pending", tasks.row(connection, pending).status)
    end)
  end

  it("wants an id", function()
    local result = cancel()

    assert.equal(2, result.code)
    assert.equal("taskq: an id is missing: taskq cancel ID...\n", result.err)
  end)
end)
