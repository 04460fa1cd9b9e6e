--- Cancelling, retrying and counting tasks, as the functions of sql/functions do.

local blame = require "taskq.testing.blame"
local tasks = require "taskq.testing.tasks"
local world = require "taskq.testing.world"

local M = {}

local function check_id(what, id)
  if type(id) ~= "number" then
    blame.refuse_argument(1, what, "number expected, got " .. type(id))
  elseif not math.tointeger(id) then
    blame.refuse_argument(1, what, "number has no integer representation")
  end
end

local function check_options(options)
  if options ~= nil and type(options) ~= "table" then
    blame.refuse_argument(2, "retry", "table expected, got " .. type(options))
  end
  for name, value in pairs(options or {}) do
    if name ~= "reset_attempts" then
      blame.raise('taskq.retry: unknown option "%s" (there is reset_attempts)', tostring(name))
    elseif type(value) ~= "boolean" then
      blame.raise("taskq.retry: reset_attempts must be a boolean, not %s", type(value))
    end
  end
end

--- taskq.cancel
---@param id integer
function M.cancel(id)
  check_id("cancel", id)
  local task = tasks.find(id)
  if not task then
    return nil, ("there is no task %d"):format(id), "TQ001"
  elseif task.status == "pending" then
    task.status = "cancelled"
    return "cancelled"
  elseif task.status == "running" then
    world.attempt.is_cancel_due = true
    return "requested"
  end
  return nil, ("task %d is %s already"):format(id, task.status), "TQ002"
end

--- taskq.retry
---@param id integer
---@param options { reset_attempts: boolean? }?
function M.retry(id, options)
  check_id("retry", id)
  check_options(options)
  local task = tasks.find(id)
  if not task then
    return nil, ("there is no task %d"):format(id), "TQ001"
  elseif task.status ~= "failed" and task.status ~= "cancelled" then
    return nil, ("task %d is %s, neither failed nor cancelled"):format(id, task.status), "TQ002"
  end
  task.status, task.scheduled_at = "pending", world.now
  if options and options.reset_attempts then
    task.attempts = 0
  elseif task.max_attempts and task.attempts >= task.max_attempts then
    task.max_attempts = math.min(task.attempts + 1, 1000)
  end
  return "retried"
end

--- taskq.stats
function M.stats()
  local stats = { pending = 0, running = 0, completed = 0, failed = 0, cancelled = 0, total = 0 }
  for _, task in ipairs(world.tasks) do
    stats[task.status] = stats[task.status] + 1
    stats.total = stats.total + 1
  end
  return stats
end

return M
