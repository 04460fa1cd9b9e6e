--- The context that a handler gets.

local blame = require "taskq.testing.blame"
local codec = require "taskq.testing.codec"
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
  return attempt.is_cancelled or false
end

function functions.progress(attempt, fraction, message)
  if type(fraction) ~= "number" or not (fraction >= 0 and fraction <= 1) then
    blame.refuse_argument(1, "progress", "a number from 0 to 1 expected")
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

--- What the handler sees of a task.
---@param task taskq.testing.Task
---@return taskq.Task
function M.task(task)
  return {
    id = task.id, type = task.type, payload = codec.decode(task.json), priority = task.priority,
    attempt = task.attempts, attempts = task.attempts, claims = task.claims,
    max_attempts = task.effective_max_attempts,
    created_at = task.created_at + 0.0, scheduled_at = task.scheduled_at + 0.0,
  }
end

---@param attempt taskq.testing.Attempt
---@return taskq.Context
function M.new(attempt)
  local context = { task = M.task(attempt.task), worker_id = world.worker_id }
  for name, call in pairs(functions) do
    context[name] = function(...)
      return call(attempt, ...)
    end
  end
  return context
end

return M
