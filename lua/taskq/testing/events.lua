--- Events of tasks: recorded, and handed to the listeners that files below listeners/ registered.

local world = require "taskq.testing.world"

local M = {}

local NAMES = {
  ["worker-task:created"] = true, ["worker-task:started"] = true,
  ["worker-task:completed"] = true, ["worker-task:failed"] = true,
}

--- taskq.on
---@param event string
---@param listener fun(event: taskq.Event)
function M.on(event, listener)
  if not NAMES[event] then
    error(("taskq.on: there is no event %s"):format(tostring(event)), 2)
  elseif type(listener) ~= "function" then
    error("taskq.on: a function expected, got " .. type(listener), 2)
  end
  world.listeners[#world.listeners + 1] = { event = event, call = listener }
end

--- Records an event and tells it to its listeners; an error of theirs is a line of the log.
---@param kind string
---@param payload table
function M.emit(kind, payload)
  local event = { type = kind, payload = payload }
  world.events[#world.events + 1] = event
  for _, listener in ipairs(world.listeners) do
    if listener.event == kind then
      local is_done, problem = pcall(listener.call, event)
      if not is_done then
        local line = { level = "error", message = "a listener failed" }
        line.fields = { event = kind, error = tostring(problem) }
        table.insert(world.logs, line)
      end
    end
  end
end

return M
