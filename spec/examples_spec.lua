--- The examples: each has specs of its handlers that pass, and a `run` that checks itself.

local uv = require "luv"
local folder = require "support.folder"
local keeper = require "support.keeper"
local process = require "support.process"
local taskq = require "support.taskq"

local EXAMPLES = uv.cwd() .. "/examples"

local function names()
  local found = {}
  for name in uv.fs_scandir_next, uv.fs_scandir(EXAMPLES) do
    if uv.fs_stat(("%s/%s/run"):format(EXAMPLES, name)) then
      found[#found + 1] = name
    end
  end
  table.sort(found)
  return found
end

describe("the example", function()
  for _, name in ipairs(names()) do
    local path = EXAMPLES .. "/" .. name

    it(name .. " passes its specs", function()
      local result = taskq.run({ "test", "--handlers", path .. "/handlers", path .. "/handlers" },
        { cwd = folder.new(), timeout = 120 })

      assert.equal(0, result.code, result.out .. result.err)
      assert.matches("[1-9]%d* success", result.out)
    end)

    it(name .. " runs, and leaves nothing behind", function()
      local place = folder.new()

      local result = process.run({ path .. "/run" }, {
        cwd = place, env = { TASKQ_BIN = taskq.program, TMPDIR = place }, timeout = 300,
      })

      assert.equal(0, result.code, result.out .. result.err)
      assert.matches("^ok: ", result.out:match("[^\n]*\n$"))
      assert.is_nil(uv.fs_scandir_next(uv.fs_scandir(place)))
      keeper.await_end(place)
    end)
  end

  it("folder is in the index", function()
    local index = folder.read(EXAMPLES .. "/README.md")
    for _, name in ipairs(names()) do
      assert.is_table(uv.fs_stat(("%s/%s/README.md"):format(EXAMPLES, name)), name)
      assert.is_truthy(index:find(("[%s](%s)"):format(name, name), 1, true), name)
    end
  end)
end)
