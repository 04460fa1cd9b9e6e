--- So many calls a second and no more, for all tasks of a thread.

local taskq = require "taskq"

local M = {}

local next_at = {} -- [name] = milliseconds since the epoch

--- Waits for its turn.
---@param name string what is limited, such as a host
---@param per_second number
function M.wait(name, per_second)
  local now = taskq.now()
  local at = math.max(now, next_at[name] or 0)
  next_at[name] = at + 1000 / per_second
  taskq.sleep(at - now)
end

return M
