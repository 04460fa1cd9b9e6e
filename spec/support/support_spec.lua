--- The support modules themselves: a spec that relies on a broken one proves nothing.

local cluster = require "support.cluster"
local database = require "support.database"
local folder = require "support.folder"
local process = require "support.process"
local wait = require "support.wait"

describe("support.process", function()
  it("gives a program its arguments, input, folder and environment", function()
    local script = 'cat; pwd; echo "$1 $A ${DATABASE_URL-none}"; echo oops >&2; exit 3'

    local result = process.run({ "/bin/sh", "-c", script, "sh", "one two" }, {
      stdin = "hello\n", cwd = "/", env = { A = "b" },
    })

    assert.equal("hello\n/\none two b none\n", result.out)
    assert.equal("oops\n", result.err)
    assert.equal(3, result.code)
  end)

  it("tells the signal that ended a program", function()
    local child = process.start({ "/usr/bin/tail", "-f", "/dev/null" })

    assert.is_true(child:is_running())
    child:kill("sigterm")
    local code, signal = child:wait()

    assert.is_nil(code)
    assert.equal(15, signal)
  end)

  it("ends what still runs", function()
    local child = process.start({ "/usr/bin/tail", "-f", "/dev/null" })

    process.stop_all()

    assert.is_false(child:is_running())
    assert.equal(9, child.signal)
  end)

  it("raises when there is no such program", function()
    assert.has_error(function() process.start({ "/nowhere/program" }) end,
      "cannot start /nowhere/program: ENOENT: no such file or directory")
  end)
end)

describe("support.wait", function()
  it("returns what the condition gives", function()
    local calls = 0

    local value = wait.wait_until(5, function()
      calls = calls + 1
      return calls == 3 and "third"
    end, "the third call")

    assert.equal("third", value)
  end)

  it("says what never came", function()
    local ok, message = pcall(wait.wait_until, 0.01, function() return false end, "godot")

    assert.is_false(ok)
    assert.matches("waited [%d.]+ s for godot", message)
  end)

  it("measures until a figure is below its bound, and not for ever", function()
    local figures = { 7, 5, 4 }

    wait.assert_below(5, function(try) return figures[try] end)

    assert.error_matches(function() wait.assert_below(5, function() return 5 end) end,
      "never below 5: 5, 5, 5, 5, 5$")
  end)
end)

describe("support.folder", function()
  it("writes, reads and removes", function()
    local path = folder.new()

    folder.write(path .. "/a/b/c.txt", "text")
    assert.equal("text", folder.read(path .. "/a/b/c.txt"))
    folder.remove(path)

    assert.is_nil(io.open(path .. "/a/b/c.txt"))
  end)
end)

describe("support.database", function()
  it("reads values as their types", function()
    local url = database.empty()

    local rows = database.query(url, [[
      select $1::text as name, 7::bigint as id, true as yes, false as no, null::int as nothing,
             sum(n) as sum, 1.5::float8 as half
        from generate_series(1, 3) n]], "it's $2")

    assert.same({ { name = "it's $2", id = 7, yes = true, no = false, sum = 6, half = 1.5 } }, rows)
    assert.equal("integer", math.type(rows[1].id))
  end)

  it("keeps a transaction open on a connection of its own", function()
    local url = database.empty()
    local writer <close> = database.connect(url)
    database.query(url, "create table t (n int)")

    writer:query("begin")
    writer:query("insert into t values ($1)", 1)

    assert.equal(0, database.value(url, "select count(*) from t"))
    writer:query("commit")
    assert.equal(1, database.value(url, "select count(*) from t"))
  end)

  it("raises what the server says", function()
    assert.error_matches(function() database.query(database.empty(), "select 1/0") end,
      "division by zero")
  end)
end)

describe("support.cluster", function()
  it("survives a crash of its server when it is durable", function()
    local own = cluster.new({ durable = true })
    own:start()
    database.query(own:url("postgres"), "create table t as select 42 as n")

    own:stop("immediate")
    own:start()

    assert.equal(42, database.value(own:url("postgres"), "select n from t"))
    assert.equal("on", database.value(own:url("postgres"), "show fsync"))
    own:stop("fast")
  end)
end)
