--- `taskq list` and `taskq show`.

local json = require "cjson"
local database = require "support.database"
local taskq = require "support.taskq"
local tasks = require "support.tasks"

describe("taskq list", function()
  local url, connection, ids

  setup(function()
    url = database.fresh()
    connection = database.connect(url)
    ids = {
      tasks.pending(connection, "'email:send', scheduled_at => '2999-01-01T12:00:00+05:45'"),
      tasks.running(connection, "'report:generate', priority => -3"),
      tasks.finished(connection, "failed", { arguments = "'email:send', max_attempts => 4" }),
      tasks.finished(connection, "completed", { arguments = "'email:receive'" }),
    }
  end)

  teardown(function() connection:close() end)

  local function list(...)
    return taskq.run({ "list", ... }, { database = url })
  end

  local function listed(...)
    local result, found = list("--json", ...), {}
    assert.equal(0, result.code, result.err)
    for i, task in ipairs(json.decode(result.out)) do
      found[i] = math.tointeger(task.id)
    end
    return found
  end

  it("prints a table, the newest first", function()
    local result = list()

    assert.equal(0, result.code, result.err)
    local lines = {}
    for line in result.out:gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    assert.equal("          id  status     priority  attempts  scheduled_at          type",
      lines[1])
    assert.equal(5, #lines)
    assert.matches("completed", lines[2])
    assert.matches(("^ +%d  failed  +0  +1/4  %%d+%%-.*Z  email:send$"):format(ids[3]), lines[3])
    assert.matches("running +%-3 ", lines[4])
    assert.matches("pending .* 2999%-01%-01T06:15:00Z  email:send$", lines[5])
  end)

  it("takes a status, a glob of types, and pages", function()
    assert.same({ ids[4], ids[3], ids[2], ids[1] }, listed())
    assert.same({ ids[3] }, listed("--status", "failed"))
    assert.same({ ids[4], ids[3], ids[1] }, listed("--type=email:*"))
    assert.same({ ids[4], ids[3] }, listed("--limit=2"))
    assert.same({ ids[2] }, listed("--limit=1", "--after=" .. ids[3]))
    assert.same({}, listed("--after=" .. ids[1]))
  end)

  it("gives the columns of the table with --json", function()
    local task = json.decode(list("--json", "--limit=1").out)[1]

    for _, column in ipairs({ "id", "type", "payload", "status", "priority", "attempts",
      "max_attempts", "scheduled_at", "created_at", "started_at", "finished_at", "worker_id",
      "claims", "result", "error" }) do
      assert.is_not_nil(task[column])
    end
  end)

  it("prints nothing when there is nothing", function()
    assert.equal("", list("--type", "none").out)
    assert.equal("[]\n", list("--type", "none", "--json").out)
  end)

  it("refuses a status that is none", function()
    local result = list("--status", "done")

    assert.equal(2, result.code)
    assert.equal('taskq: --status: "done" is none of pending, running, completed, failed, '
      .. "cancelled\n", result.err)
  end)
end)

describe("taskq show", function()
  local url, connection

  setup(function()
    url = database.fresh()
    connection = database.connect(url)
  end)

  teardown(function() connection:close() end)

  local function show(...)
    return taskq.run({ "show", ... }, { database = url })
  end

  local function failed()
    local id = tasks.finished(connection, "failed", { arguments = "'a:b', '{\"n\": [1.0]}'" })
    connection:query([[insert into taskq.task_attempts values ($1, 1, 1, 7, 'a:b', 'error',
      'boom', E'boom\nat line 1', now(), now())]], id)
    return id
  end

  it("prints what there is, a line a field, then the attempts", function()
    local id = failed()

    local result = show(id)

    assert.equal(0, result.code, result.err)
    assert.matches(("^id                   %d\ntype                 a:b\n"):format(id), result.out)
    assert.matches('\npayload              {"n": [1.0]}\n', result.out, 1, true)
    assert.matches("\nstatus               failed\n", result.out, 1, true)
    assert.matches("\n\nattempt              1\n", result.out, 1, true)
    assert.matches("\ntraceback            boom\n                     at line 1\n", result.out, 1,
      true)
    assert.not_matches("max_attempts", result.out)
  end)

  it("prints one JSON document with --json", function()
    local id = failed()

    local task = json.decode(show(id, "--json").out)

    assert.equal(id, task.id)
    assert.equal("failed", task.status)
    assert.equal(json.null, task.max_attempts)
    assert.equal(1, #task.task_attempts)
    assert.equal("boom\nat line 1", task.task_attempts[1].traceback)
  end)

  it("says that there is no such task", function()
    for _, arguments in ipairs({ { "999999" }, { "999999", "--json" } }) do
      local result = show(table.unpack(arguments))

      assert.equal(1, result.code)
      assert.equal("taskq: there is no task 999999\n", result.err)
      assert.equal("", result.out)
    end
  end)

  it("wants one id", function()
    assert.equal("taskq: an id is missing: taskq show ID\n", show().err)
    assert.equal('taskq: "x" is not the id of a task\n', show("x").err)
    assert.equal(2, show("1", "2").code)
  end)
end)
