--- Wrong use of the module and of the context: what is raised names the argument, and the line of
--- the handler. So it is in the worker, and so in a test with taskq.testing.

local cjson = require "cjson"
local uv = require "luv"
local folder = require "support.folder"
local CASES = require "support.misuse"
local taskq = require "support.taskq"
local worker = require "support.worker"
local testing = require "taskq.testing"

local HANDLERS = uv.cwd() .. "/spec/fixtures/handlers/parity"

-- They take no argument, or are none.
local WITHOUT = {
  ["taskq.version"] = true, ["taskq.null"] = true, ["taskq.now"] = true, ["taskq.stats"] = true,
  ["context.task"] = true, ["context.worker_id"] = true, ["context.is_cancelled"] = true,
  ["context.is_shutting_down"] = true,
}

local function fields_of(class)
  local text = folder.read("lua/taskq/types.lua")
  local _, from = text:find("\n---@class " .. class .. "\n", 1, true)
  return text:sub(from + 1, text:find("\n\n", from, true)):gmatch("%-%-%-@field ([%w_]+)")
end

describe("wrong use of", function()
  local real, fake = {}, {}

  setup(function()
    local queue, lines = worker.queue(), {}
    for _, cases in pairs(CASES) do
      for _, case in ipairs(cases) do
        lines[#lines + 1] = case[1]
      end
    end
    local id = queue:enqueue("misuse", { lines = lines })
    local result = taskq.run({ "worker", "--handlers", HANDLERS, "--until-empty" },
      { database = queue.url, timeout = 60 })
    assert.equal(0, result.code, result.err)
    testing.reset { handlers = HANDLERS }
    testing.query("*", {})
    testing.spawn("*", {})
    local messages = testing.run("misuse", { lines = lines }).result
    for i, message in ipairs(cjson.decode(queue:task(id).result)) do
      real[lines[i]], fake[lines[i]] = message, messages[i]
    end
    queue:close()
  end)

  for name, cases in pairs(CASES) do
    it(name .. " names the argument and the line", function()
      for _, case in ipairs(cases) do
        local message = real[case[1]]
        assert.equal("handler.lua:2: ", message:sub(1, 15), case[1] .. ": " .. message)
        assert.is_number(message:find(case[2], 1, true), case[1] .. ": " .. message)
      end
    end)

    it(name .. " is refused alike in a test", function()
      for _, case in ipairs(cases) do
        local message = fake[case[1]]:gsub("got nil%)$", "got no value)")
        assert.equal((real[case[1]]:gsub("got nil%)$", "got no value)")), message, case[1])
      end
    end)
  end

  it("every function is tried", function()
    for class, name in pairs { taskq = "taskq.", ["taskq.Context"] = "context." } do
      for field in fields_of(class) do
        assert.is_truthy(CASES[name .. field] or WITHOUT[name .. field], name .. field)
      end
    end
  end)
end)
