--- taskq test: busted with what specs of handlers require, and nothing else.

local uv = require "luv"
local folder = require "support.folder"
local private = require "support.private"
local taskq = require "support.taskq"
local wait = require "support.wait"

local GREET = [[
local words = require "words"
return { type = "greet", handler = function(context)
  return words.hello .. context.task.payload.name
end }]]

local SPEC = [[
local testing = require "taskq.testing"
local words = require "words"
describe("greet", function()
  before_each(testing.reset)
  it("says hello", function()
    assert.equal(words.hello .. "Ada", testing.run("greet", { name = "Ada" }).result)
  end)
  it("fails", function()
    assert.equal("Hello, Bo", testing.run("greet", { name = "Ada" }).result)
  end)
end)]]

describe("taskq test", function()
  local place, scratch

  before_each(function()
    place, scratch = folder.new(), folder.new()
    folder.write(place .. "/handlers/greet.lua", GREET)
    folder.write(place .. "/handlers/lib/words.lua", 'return { hello = "Hello, " }')
    folder.write(place .. "/handlers/spec/greet_spec.lua", SPEC)
  end)

  local function test(arguments, env)
    env = env or {}
    env.TMPDIR = scratch
    return taskq.run({ "test", table.unpack(arguments or {}) },
      { cwd = place, env = env, timeout = 60 })
  end

  it("runs the specs below the handlers' folder, and fails when one does", function()
    local result = test()

    assert.equal(1, result.code, result.err)
    assert.matches("1 success / 1 failure / 0 errors", result.out)
    assert.matches("Expected objects to be equal", result.out)
    assert.equal("", result.err)
  end)

  it("gives options to busted", function()
    local result = test { "handlers", "--", "--filter=hello", "--output=TAP" }

    assert.equal(0, result.code, result.out .. result.err)
    assert.matches("ok 1 %- greet says hello", result.out)
    assert.is_nil(result.out:find("fails", 1, true))
  end)

  it("runs one file, and handlers of another folder", function()
    folder.write(place .. "/handlers/spec/bad_spec.lua", "error('read')")
    uv.fs_rename(place .. "/handlers", place .. "/work")

    local result = test { "--handlers", "work/", "work/spec/greet_spec.lua", "--", "--filter=says" }

    assert.equal(0, result.code, result.out .. result.err)
  end)

  it("reports a spec that does not load", function()
    folder.write(place .. "/handlers/spec/greet_spec.lua", "this is no Lua")

    local result = test()

    assert.equal(1, result.code)
    assert.matches("greet_spec.lua", result.out .. result.err)
  end)

  it("says where busted comes from when there is none", function()
    local result = test({}, { PATH = scratch })

    assert.equal(1, result.code)
    assert.matches("there is no busted", result.err)
    assert.matches("apt%-get install lua%-busted", result.err)
  end)

  it("says that there is no such folder", function()
    local result = test { "--handlers", "nowhere" }

    assert.equal(1, result.code)
    assert.matches("%-%-handlers names no folder: nowhere: No such file or directory", result.err)
  end)

  it("says that there are no specs, and that a file is no folder", function()
    folder.remove(place .. "/handlers/spec")
    local none, file = test(), test { "--handlers", "handlers/greet.lua" }

    assert.equal(1, none.code)
    assert.matches("^taskq: there is no spec below ./handlers: put one into ./handlers/spec/NAME",
      none.err)
    assert.equal(1, file.code)
    assert.matches("cannot read the folder handlers/greet.lua: Not a directory", file.err)
  end)

  describe("leaves to busted what a spec is", function()
    before_each(function()
      local specs = place .. "/handlers/spec"
      uv.fs_rename(specs .. "/greet_spec.lua", specs .. "/greet_case.lua")
    end)

    it("with an option", function()
      local result = test { "--", "--pattern=_case", "--filter=hello" }

      assert.equal(0, result.code, result.out .. result.err)
      assert.matches("1 success / 0 failures / 0 errors", result.out)
    end)

    it("with a .busted file", function()
      folder.write(place .. "/.busted", 'return { default = { pattern = "_case" } }')

      local result = test()

      assert.equal(1, result.code, result.err)
      assert.matches("1 success / 1 failure / 0 errors", result.out)
    end)

    it("and what else it can say", function()
      local result = test { "--", "--version" }

      assert.equal(0, result.code, result.out .. result.err)
      assert.matches("^%d+%.%d+%.%d+", result.out)
    end)
  end)

  it("leaves nothing behind, whatever becomes of it", function()
    folder.write(place .. "/handlers/spec/greet_spec.lua",
      "local f = io.open('/proc/self/stat') local pid = f:read('n') f:close() "
        .. "f = io.open('" .. place .. "/new', 'w') f:write(pid) f:close() "
        .. "os.rename('" .. place .. "/new', '" .. place .. "/started') while true do end")
    local process = taskq.start({ "test" }, { cwd = place, env = { TMPDIR = scratch } })
    wait.wait_until(30, function() return uv.fs_stat(place .. "/started") end, "the spec to run")
    local pid = assert(tonumber(folder.read(place .. "/started")))

    process:kill("sigterm")

    assert.equal(1, process:wait())
    assert.is_nil(uv.fs_scandir_next(uv.fs_scandir(scratch)))
    private.await_end({ pid })
  end)

  it("passes for the sample handlers", function()
    local result = test { "--handlers", uv.cwd() .. "/handlers", uv.cwd() .. "/handlers" }

    assert.equal(0, result.code, result.out .. result.err)
    assert.matches("%d%d successes / 0 failures / 0 errors", result.out)
  end)
end)
