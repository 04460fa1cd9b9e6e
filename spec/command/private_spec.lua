--- Commands without a database of their own: the private one, made and started as it is needed.

local folder = require "support.folder"
local keeper = require "support.keeper"
local taskq = require "support.taskq"
local uv = require "luv"

describe("without --database, DATABASE_URL and PG variables", function()
  local function run(arguments, cwd, env)
    env = env or {}
    env.TASKQ_PRIVATE_LINGER = "100ms"
    return taskq.run(arguments, { cwd = cwd, env = env, timeout = 120 })
  end

  it("the first command works, and the next one sees what it did", function()
    local cwd = folder.new()

    local first = run({ "enqueue", "a:b", '{"n": 1}' }, cwd)
    local second = run({ "stats", "--json" }, cwd)

    assert.equal(0, first.code, first.err)
    assert.matches("^%d+\n$", first.out)
    assert.matches('^{"pending":1,', second.out)
    keeper.await_end(cwd .. "/.taskq/pg")
    assert.matches('^{"pending":1,', run({ "stats", "--json" }, cwd).out)
    keeper.await_end(cwd .. "/.taskq/pg")
  end)

  it("TASKQ_HOME takes the place of ./.taskq", function()
    local cwd, home = folder.new(), folder.new()

    local result = run({ "migrate" }, cwd, { TASKQ_HOME = home })

    assert.equal(0, result.code, result.err)
    assert.is_nil(uv.fs_stat(cwd .. "/.taskq"))
    assert.is_table(uv.fs_stat(home .. "/pg"))
    keeper.await_end(home .. "/pg")
  end)

  it("a worker makes it and says so, for people too", function()
    local cwd = folder.new()
    folder.write(cwd .. "/handlers/a.lua", "return { type = 'a', handler = print }")

    local result = run({ "dev", "--until-idle" }, cwd)

    assert.equal(0, result.code, result.err)
    local database = "  database=private PostgreSQL %d+ in "
    local _, stop = result.err:find(database)
    assert.equal(cwd .. "/.taskq/pg  ", result.err:sub(stop + 1, stop + #cwd + 12), result.err)
    keeper.await_end(cwd .. "/.taskq/pg")
  end)

  it("several first commands at once share one database", function()
    local cwd = folder.new()
    local processes = {}

    for i = 1, 5 do
      processes[i] = taskq.start({ "enqueue", "a" },
        { cwd = cwd, env = { TASKQ_PRIVATE_LINGER = "100ms" } })
    end
    for _, process in ipairs(processes) do
      assert.equal(0, process:wait(120), process:stderr())
    end

    assert.matches('^{"pending":5,', run({ "stats", "--json" }, cwd).out)
    keeper.await_end(cwd .. "/.taskq/pg")
  end)
end)
