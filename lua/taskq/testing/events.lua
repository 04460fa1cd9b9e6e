--- Events of tasks: recorded, and told to the listeners that files below listeners/ registered. A
--- listener runs beside the handlers, as in the worker: the time that it takes is its own.

local blame = require "taskq.testing.blame"
local hint = require "taskq.testing.hint"
local world = require "taskq.testing.world"

local M = {}

local EVENTS = {
  "worker-task:created", "worker-task:started", "worker-task:completed", "worker-task:failed",
}
local TIME_LIMIT_MS = 5000

--- Runs a listener as a handler; set by attempt.lua, which stands above this file.
---@type fun(handler: taskq.testing.Handler, task: taskq.testing.Task, event: table): table
M.run = nil

local function is_event(name)
  for _, event in ipairs(EVENTS) do
    if name == event then
      return true
    end
  end
  return false
end

--- taskq.on
---@param name string
---@param listener fun(event: taskq.Event)
function M.on(name, listener)
  if type(name) ~= "string" then
    blame.refuse_argument(1, "on", "string expected, got " .. type(name))
  elseif type(listener) ~= "function" then
    blame.refuse_argument(2, "on", "function expected, got " .. type(listener))
  elseif not is_event(name) then
    local meant = hint.text(name, EVENTS)
    meant = meant ~= "" and meant or hint.text("worker-task:" .. name, EVENTS)
    blame.raise("taskq.on: there is no event \"%s\"%s", name, meant ~= "" and meant
      or "; there are " .. table.concat(EVENTS, ", ", 1, 3) .. " and " .. EVENTS[4])
  elseif world.attempt then
    blame.raise("taskq.on: listeners are registered while the files below listeners/ are loaded, "
      .. "not later")
  elseif not world.is_listening then
    blame.raise("taskq.on: belongs into a file below listeners/, such as "
      .. "handlers/listeners/alerts.lua")
  end
  table.insert(world.listeners, { type = name, handler = listener, timeout = TIME_LIMIT_MS })
end

--- Records an event and tells it; what goes wrong in a listener is a line of the log.
---@param name string
---@param task taskq.testing.Task
---@param payload table
function M.emit(name, task, payload)
  local event = { type = name, payload = payload }
  local attempt, now = world.attempt, world.now
  table.insert(world.events, event)
  for _, listener in ipairs(world.listeners) do
    if listener.type == name then
      local ended = M.run(listener, task, event)
      if ended.error then
        local line = { level = "error", message = "a listener failed" }
        line.fields = { event = name, error = ended.error }
        table.insert(world.logs, line)
      end
    end
  end
  world.attempt, world.now = attempt, now
end

return M
