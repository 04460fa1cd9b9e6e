--- Commands without a database of their own: the private one, made and started as it is needed.

local folder = require "support.folder"
local taskq = require "support.taskq"
local uv = require "luv"
local wait = require "support.wait"

describe("without --database, DATABASE_URL and PG variables", function()
  local function run(arguments, cwd, env)
    env = env or {}
    env.TASKQ_PRIVATE_LINGER = "100ms"
    return taskq.run(arguments, { cwd = cwd, env = env, timeout = 120 })
  end

  -- The keeper ends when nobody has used the server for a while; what is left are files.
  local function await_end(home)
    wait.wait_until(60, function()
      for entry in uv.fs_scandir_next, uv.fs_scandir("/proc") do
        local file = entry:match("^%d+$") and io.open("/proc/" .. entry .. "/cmdline")
        local text = file and file:read("a")
        if file then
          file:close()
        end
        if text and text:find("keeper\0" .. home, 1, true) then
          return false
        end
      end
      return true
    end, "the end of the keeper of " .. home)
  end

  it("the first command works, and the next one sees what it did", function()
    local cwd = folder.new()

    local first = run({ "enqueue", "a:b", '{"n": 1}' }, cwd)
    local second = run({ "stats", "--json" }, cwd)

    assert.equal(0, first.code, first.err)
    assert.matches("^%d+\n$", first.out)
    assert.matches('^{"pending":1,', second.out)
    await_end(cwd .. "/.taskq/pg")
    assert.matches('^{"pending":1,', run({ "stats", "--json" }, cwd).out)
    await_end(cwd .. "/.taskq/pg")
  end)

  it("TASKQ_HOME takes the place of ./.taskq", function()
    local cwd, home = folder.new(), folder.new()

    local result = run({ "migrate" }, cwd, { TASKQ_HOME = home })

    assert.equal(0, result.code, result.err)
    assert.is_nil(uv.fs_stat(cwd .. "/.taskq"))
    assert.is_table(uv.fs_stat(home .. "/pg"))
    await_end(home .. "/pg")
  end)

  it("a worker makes it and says so, for people too", function()
    local cwd = folder.new()
    folder.write(cwd .. "/handlers/a.lua", "return { type = 'a', handler = print }")

    local result = run({ "dev", "--until-idle" }, cwd)

    assert.equal(0, result.code, result.err)
    local database = "  database=private PostgreSQL %d+ in "
    local _, stop = result.err:find(database)
    assert.equal(cwd .. "/.taskq/pg  ", result.err:sub(stop + 1, stop + #cwd + 12), result.err)
    await_end(cwd .. "/.taskq/pg")
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
    await_end(cwd .. "/.taskq/pg")
  end)
end)
