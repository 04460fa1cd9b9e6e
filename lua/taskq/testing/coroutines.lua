--- coroutine.* as handlers see it: what stops an attempt passes through their own coroutines, and
--- the attempt's own one is no coroutine to them.

local blame = require "taskq.testing.blame"
local clock = require "taskq.testing.clock"
local world = require "taskq.testing.world"

local M = {}

local HOOK_INSTRUCTIONS = 100000

--- Gives a coroutine the time limit of the attempt that runs; leaves other hooks (of a coverage
--- tool) alone.
---@param thread thread
function M.limit(thread)
  if world.attempt and not debug.gethook(thread) then
    debug.sethook(thread, world.attempt.hook, "", HOOK_INSTRUCTIONS)
  end
end

local function pass_up(is_fine, first, ...)
  if first == clock.STOP then
    coroutine.yield(clock.STOP) -- for ever
  end
  return is_fine, first, ...
end

local function create(body)
  local thread = coroutine.create(body)
  M.limit(thread)
  return thread
end

local function resume(thread, ...)
  return pass_up(coroutine.resume(thread, ...))
end

local function return_or_raise(thread, is_fine, first, ...)
  if is_fine then
    return first, ...
  end
  if coroutine.status(thread) ~= "running" then
    coroutine.close(thread)
  end
  if type(first) == "string" then
    blame.raise("%s", first)
  end
  error(first, 0)
end

local function wrap(body)
  local thread = create(body)
  return function(...)
    return return_or_raise(thread, resume(thread, ...))
  end
end

local function is_base()
  return world.attempt == nil or coroutine.running() == world.attempt.thread
end

local function yield(...)
  if is_base() then
    blame.raise("attempt to yield from outside a coroutine")
  end
  return coroutine.yield(...)
end

--- The library `coroutine` as handlers see it.
---@return table
function M.library()
  return {
    close = coroutine.close, create = create, resume = resume, status = coroutine.status,
    wrap = wrap, yield = yield,
    isyieldable = function() return not is_base() end,
    running = function() return coroutine.running(), is_base() end,
  }
end

return M
