--- Waiting on the virtual clock: the handler that runs sleeps by setting the clock forward, and is
--- interrupted and stopped at its time limits as in the worker.

local blame = require "taskq.testing.blame"
local world = require "taskq.testing.world"

local M = {}

local GRACE_MS = 1000 -- between the error that a handler can catch and its end
local CANCELLED = "cancelled: the task was cancelled while it ran"

--- What the coroutine of an attempt yields when it must never be resumed; sandbox.lua passes it up
--- through the handler's own coroutines.
M.STOP = setmetatable({}, { __name = "stop of the handler" })

--- Stops the running handler for good; does not return.
---@param kind "timeout"|"cancelled"|"interrupted"
---@param message string
function M.stop(kind, message)
  world.attempt.stop = { kind = kind, message = message }
  coroutine.yield(M.STOP)
end

local function timeout_message(attempt)
  return ("timeout: the task ran longer than %d ms"):format(attempt.timeout)
end

--- The attempt that runs; raises where nothing may wait.
---@param what string the function, for the message
---@return taskq.testing.Attempt
function M.check_wait(what)
  if not world.attempt then
    blame.refuse(what .. " cannot wait while the file is loaded; call it in a handler")
  elseif not coroutine.isyieldable() then
    blame.refuse(("%s cannot wait inside %s: Lua cannot suspend it"):format(what,
      blame.find_barrier()))
  end
  return world.attempt
end

--- Tells the handler to end, by its one error.
local function interrupt(attempt, kind, message)
  attempt.interrupt = kind
  error(message, 0)
end

--- Lets the handler wait.
---@param what string
---@param ms number
function M.wait(what, ms)
  local attempt = M.check_wait(what)
  local target = world.now + ms
  local soft = attempt.started + attempt.timeout
  attempt.hard = attempt.hard or soft + GRACE_MS
  if attempt.is_cancel_due and not attempt.interrupt then
    attempt.hard = math.min(attempt.hard, world.now + GRACE_MS)
    interrupt(attempt, "cancelled", CANCELLED)
  elseif target >= soft and not attempt.interrupt then
    world.now = math.max(world.now, soft)
    interrupt(attempt, "timeout", timeout_message(attempt))
  elseif target >= attempt.hard then
    world.now = math.max(world.now, attempt.hard)
    local is_cancelled = attempt.interrupt == "cancelled"
    M.stop(is_cancelled and "cancelled" or "timeout",
      is_cancelled and CANCELLED or timeout_message(attempt))
  else
    world.now = target
  end
end

--- A hook that ends a handler which computes for longer, in real time, than its time limit: without
--- it, an endless loop would hang the spec.
---@param attempt taskq.testing.Attempt
---@return fun() hook for debug.sethook
function M.budget_hook(attempt)
  local began = os.clock()
  return function()
    local spent = (os.clock() - began) * 1000
    if spent >= attempt.timeout + GRACE_MS then
      attempt.stop = { kind = "timeout", message = timeout_message(attempt) }
      debug.sethook(debug.gethook(), "", 1) -- until no pcall is left
      error(attempt.stop.message, 0)
    elseif spent >= attempt.timeout and not attempt.interrupt then
      interrupt(attempt, "timeout", timeout_message(attempt))
    end
  end
end

return M
