--- docs/tutorial.md, done as it says: its files saved, its commands typed, its output compared.

local folder = require "support.folder"
local keeper = require "support.keeper"
local process = require "support.process"
local taskq = require "support.taskq"

--- The fenced blocks, in order: language, text, number of the first line.
local function blocks()
  local list, block, number = {}, nil, 0
  for line in io.lines("docs/tutorial.md") do
    number = number + 1
    local language = line:match("^```(%a*)$")
    if block and language then
      list[#list + 1] = block
      block = nil
    elseif language then
      block = { language = language, line = number + 1, text = "" }
    elseif block then
      block.text = block.text .. line .. "\n"
    end
  end
  return list
end

--- Does the output have these lines, in which ... stands for anything?
local function fits(output, expected)
  local pattern = expected:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0"):gsub("%%%.%%%.%%%.", ".-")
  return output:find("^" .. pattern .. "$") ~= nil
end

describe("docs/tutorial.md", function()
  it("works as it is written", function()
    local place = folder.new()
    local cwd, checked = place, 0
    local env = {
      PATH = taskq.program:match("^(.*)/") .. ":" .. os.getenv("PATH"),
      TASKQ_PRIVATE_LINGER = "1s",
    }
    local output, errors
    finally(function() keeper.await_end(place) end)
    for _, block in ipairs(blocks()) do
      local where = ("line %d"):format(block.line)
      if block.language == "lua" then
        folder.write(cwd .. "/" .. block.text:match("^%-%- (%S+)\n"), block.text)
      elseif block.language == "sh" then
        local result = process.run({ "/bin/bash", "-e" }, {
          cwd = cwd, env = env, stdin = block.text .. "pwd\n", timeout = 120,
        })
        assert.equal(0, result.code, where .. ": " .. result.err)
        output, cwd = result.out:gsub("\r", ""):match("^(.-)([^\n]*)\n$")
        errors = result.err
      else
        assert.is_true(fits(output, block.text),
          where .. ": the commands above print\n" .. output .. errors)
        checked = checked + 1
      end
    end
    assert.is_true(checked >= 7)
  end)
end)
