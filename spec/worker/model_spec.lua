--- Random operations on a queue, checked against a model of what may become of each task. A failure
--- says how to repeat its operations:
---
---     TASKQ_MODEL_SEED=N TASKQ_MODEL_OPERATIONS=N busted --lua=lua5.4 spec/worker/model_spec.lua

local uv = require "luv"
local model = require "support.model"
local wait = require "support.wait"

local SEED = math.tointeger(os.getenv("TASKQ_MODEL_SEED")) or math.tointeger(uv.hrtime() % 1000000)
local OPERATIONS = math.tointeger(os.getenv("TASKQ_MODEL_OPERATIONS"))
  or (wait.factor > 1 and 3000 or 10000)

local REPORT = [[
%s

repeat it with TASKQ_MODEL_SEED=%d TASKQ_MODEL_OPERATIONS=%d; the workers:
%s]]

describe("a queue under random operations", function()
  it("never loses, repeats or confuses a task", function()
    local one = model.new(SEED)
    local is_fine, message = pcall(function()
      one:run(OPERATIONS)
      one:finish()
    end)
    local events = table.concat(one.events, "\n") .. "\n" .. one.workers:last_words()
    one:close()

    assert(is_fine, REPORT:format(message, SEED, OPERATIONS, events))
  end)
end)
