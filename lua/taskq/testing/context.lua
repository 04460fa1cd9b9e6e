--- The context that a handler gets.

local blame = require "taskq.testing.blame"
local tasks = require "taskq.testing.tasks"
local world = require "taskq.testing.world"
local transaction = require "taskq.testing.transaction"

local M = {}

local functions = {}

function functions.is_shutting_down(attempt)
  local is_so = world.shutdown_at ~= nil and world.now >= world.shutdown_at
  attempt.is_shutdown_seen = attempt.is_shutdown_seen or is_so
  return is_so
end

function functions.is_cancelled(attempt)
  return attempt.interrupt == "cancelled"
end

function functions.progress(attempt, fraction, message)
  if type(fraction) ~= "number" then
    blame.refuse_argument(1, "progress", "number expected, got " .. type(fraction))
  elseif not (fraction >= 0 and fraction <= 1) then
    blame.refuse_argument(1, "progress", "a fraction from 0 to 1 expected")
  elseif message ~= nil and type(message) ~= "string" then
    blame.refuse_argument(2, "progress", "string expected, got " .. type(message))
  end
  table.insert(attempt.progress, { fraction = fraction, message = message })
end

functions.transaction = transaction.run

--- The names of a context's functions.
---@return string[]
function M.names()
  local names = {}
  for name in pairs(functions) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

---@param attempt taskq.testing.Attempt
---@return taskq.Context
function M.new(attempt)
  local context = { task = tasks.seen(attempt.task), worker_id = world.worker_id }
  for name, call in pairs(functions) do
    context[name] = function(...)
      return call(attempt, ...)
    end
  end
  return context
end

return M
