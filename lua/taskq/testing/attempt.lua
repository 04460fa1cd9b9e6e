--- One attempt at a task: runs the handler and says how that ended, as script/run.c does.

local blame = require "taskq.testing.blame"
local clock = require "taskq.testing.clock"
local codec = require "taskq.testing.codec"
local context = require "taskq.testing.context"
local coroutines = require "taskq.testing.coroutines"
local events = require "taskq.testing.events"
local sandbox = require "taskq.testing.sandbox"
local world = require "taskq.testing.world"

local M = {}

local DEFAULT_TIMEOUT_MS = 5 * 60 * 1000
local OUTCOME_FIELDS = {
  success = true, result = true, error = true, retry_after = true, discard = true, snooze = true,
}

---@class taskq.testing.Attempt
---@field task taskq.testing.Task
---@field handler taskq.testing.Handler
---@field timeout number milliseconds
---@field started number
---@field thread thread
---@field hook fun()
---@field logs taskq.testing.LogLine[]
---@field progress { fraction: number, message: string? }[]
---@field stop { kind: string, message: string }? it was stopped for good
---@field interrupt "timeout"|"cancelled"|nil why it was told to end, by its one error
---@field hard number? when it is stopped
---@field is_shutdown_seen boolean?
---@field is_cancel_due boolean? it is to be told so at its next wait
---@field transaction taskq.testing.Transaction? the one that is open
---@field committed { json: string? }? by context.transaction
---@field rollback string? why the last transaction was rolled back

--- How an attempt ended, before anybody judges it.
---@class taskq.testing.End
---@field kind "success"|"failure"|"snooze"|"stopped"
---@field json string? of the result
---@field error string?
---@field error_kind string?
---@field traceback string?
---@field delay number? milliseconds
---@field is_discarded boolean?

--- A handler that knew that it was to end, and fails, did not fail by itself.
local function interruption(attempt)
  return attempt.interrupt or (attempt.is_shutdown_seen and "interrupted") or nil
end

local function failure(attempt, kind, message)
  local stop = interruption(attempt)
  return { kind = stop and "stopped" or "failure", error = message, error_kind = stop or kind }
end

local function success(value)
  if value == nil then
    return { kind = "success" }
  end
  local is_json, json = pcall(codec.encode_result, value, "result")
  if is_json then
    return { kind = "success", json = json }
  end
  return {
    kind = "failure", error = codec.clean(tostring(json)), error_kind = "result",
    is_discarded = true,
  }
end

local function read_delay(value, field)
  local ms = rawget(value, field)
  if ms == nil then
    return nil
  elseif type(ms) == "number" and ms >= 0 and ms < 1e15 then
    return math.floor(ms)
  end
  sandbox.log("warn", "ignored: must be a number of milliseconds", { field = field })
end

local function returned_failure(attempt, value)
  local snooze = read_delay(value, "snooze")
  if snooze and not interruption(attempt) then
    return { kind = "snooze", delay = snooze }
  end
  local reason = rawget(value, "error")
  local message = reason == nil and "the handler returned success = false without an error"
    or codec.describe_error(reason)
  local ended = failure(attempt, "failure", message)
  ended.delay = read_delay(value, "retry_after") or snooze
  ended.is_discarded = rawget(value, "discard") and true or false
  return ended
end

--- Is it a table that says how the attempt ended?
local function is_outcome(value)
  local is_success = type(value) == "table" and rawget(value, "success")
  if type(value) ~= "table" or is_success == nil then
    return false
  elseif type(is_success) ~= "boolean" then
    sandbox.log("warn", "success is neither true nor false: the returned table is a result")
  end
  return type(is_success) == "boolean"
end

local function end_of_values(attempt, value, message)
  if value == nil and attempt.rollback then
    return failure(attempt, "transaction", attempt.rollback)
  elseif value == nil and type(message) == "string" then
    return failure(attempt, "failure", codec.describe_error(message))
  elseif not is_outcome(value) then
    return success(value)
  end
  for field in pairs(value) do
    if not OUTCOME_FIELDS[field] then
      sandbox.log("warn", "the returned outcome has a field that means nothing",
        { field = tostring(field) })
    end
  end
  if rawget(value, "success") then
    return success(rawget(value, "result"))
  end
  return returned_failure(attempt, value)
end

local function start(attempt, argument)
  attempt.thread = coroutine.create(function()
    local traceback
    local is_done, value, message = xpcall(attempt.handler.handler, function(problem)
      traceback = debug.traceback(nil, 2)
      return problem
    end, argument)
    return is_done, value, traceback or message
  end)
  coroutines.limit(attempt.thread)
  return coroutine.resume(attempt.thread)
end

local function end_of(attempt, is_fine, is_done, value, more)
  if attempt.stop then
    debug.sethook(attempt.thread)
    coroutine.close(attempt.thread)
    return { kind = "stopped", error = attempt.stop.message, error_kind = attempt.stop.kind }
  elseif not is_fine then -- of the machinery: its own message handler failed
    return failure(attempt, "error", codec.describe_error(is_done))
  elseif is_done then
    return end_of_values(attempt, value, more)
  end
  local ended = failure(attempt, "error", codec.describe_error(value))
  ended.traceback = more
  return ended
end

--- Runs the handler, or a listener, once.
---@param handler taskq.testing.Handler
---@param task taskq.testing.Task
---@param argument any in place of a handler's context
---@return taskq.testing.End
---@return taskq.testing.Attempt
function M.run(handler, task, argument)
  local attempt = {
    task = task, handler = handler, started = world.now, logs = {}, progress = {},
    timeout = handler.timeout or DEFAULT_TIMEOUT_MS,
  }
  attempt.hook = clock.budget_hook(attempt)
  world.attempt, blame.running = attempt, handler.handler
  local ended = end_of(attempt, start(attempt, argument or context.new(attempt)))
  world.attempt, blame.running = nil, nil
  world.raise_complaint()
  if attempt.committed then
    ended = { kind = "success", json = attempt.committed.json }
  end
  return ended, attempt
end

events.run = M.run

return M
