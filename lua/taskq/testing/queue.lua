--- Running tasks in the order of the worker, and judging how they go on, as worker/task.c does.

local attempts = require "taskq.testing.attempt"
local backoff = require "taskq.testing.backoff"
local codec = require "taskq.testing.codec"
local events = require "taskq.testing.events"
local schema = require "taskq.testing.schema"
local tasks = require "taskq.testing.tasks"
local world = require "taskq.testing.world"

local M = {}

local DEFAULT_MAX_ATTEMPTS = 3
local FIRES = { failure = true, stopped = true }
local MOST_ATTEMPTS = 10000 -- of one drain: a handler that snoozes for ever must not hang the spec

--- What became of an attempt.
---@class taskq.testing.Outcome
---@field status "completed"|"failed"|"cancelled"|"pending" of the task
---@field result any as the database gives it back
---@field error string?
---@field kind string? of the error: "error", "failure", "timeout", ...
---@field traceback string?
---@field retry_in number? milliseconds until the task, which is pending, runs again
---@field attempt integer
---@field task taskq.testing.Task
---@field progress { fraction: number, message: string? }[]
---@field logs taskq.testing.LogLine[]

local function give_back(task, delay)
  task.status, task.attempts = "pending", task.attempts - 1
  if delay then
    task.scheduled_at = world.now + delay
  end
end

--- 90000 as "90s", in the largest unit that leaves no rest.
local function duration_text(ms)
  for _, unit in ipairs { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 } } do
    if ms % unit[2] == 0 then
      return ("%d%s"):format(ms // unit[2], unit[1])
    end
  end
  return ms .. "ms"
end

local function retry_or_fail(task, handler, ended)
  local delay = ended.delay or backoff.delay(handler.backoff, task.attempts, world.unit or 0)
  local max_age = handler.max_age
  if ended.is_discarded or task.attempts >= task.effective_max_attempts then
    task.status = "failed"
  elseif max_age and world.now + delay > task.created_at + max_age then
    ended.error = ("%s; not retried: the next attempt would begin more than %s after the task was "
      .. "created (max_age)"):format(ended.error, duration_text(max_age))
    task.status, ended.error_kind = "failed", "max age"
  else
    task.status, task.scheduled_at = "pending", world.now + delay
  end
  task.error = ended.error
end

local function judge(task, handler, ended)
  if ended.kind == "success" then
    task.status, task.error = "completed", nil
    task.result = ended.json and codec.decode(ended.json)
  elseif ended.kind == "snooze" then
    give_back(task, ended.delay)
  elseif ended.error_kind == "interrupted" then
    give_back(task)
  elseif ended.error_kind == "cancelled" then
    task.status, task.error = "cancelled", ended.error
  else
    retry_or_fail(task, handler, ended)
  end
end

--- What is neither completed nor failed fires nothing: cancelled, snoozed and given back tasks.
local function emit(task, ended, duration)
  local payload = { task = tasks.seen(task) }
  if task.status == "completed" then
    payload.result, payload.duration = task.result, duration
    events.emit("worker-task:completed", task, payload)
  elseif FIRES[ended.kind] and ended.error_kind ~= "cancelled"
    and ended.error_kind ~= "interrupted" then
    payload.error = { message = ended.error, traceback = ended.traceback, kind = ended.error_kind }
    payload.will_retry = task.status == "pending"
    events.emit("worker-task:failed", task, payload)
  end
end

local function outcome_of(task, ended, attempt, number)
  local is_failure = ended.kind == "failure" or ended.kind == "stopped"
  return {
    status = task.status, result = task.result, task = task, attempt = number,
    error = is_failure and ended.error or nil, kind = is_failure and ended.error_kind or nil,
    traceback = is_failure and ended.traceback or nil,
    retry_in = task.status == "pending" and math.max(0, task.scheduled_at - world.now) or nil,
    progress = attempt and attempt.progress or {}, logs = attempt and attempt.logs or {},
  }
end

--- Runs one attempt at a task now.
---@param task taskq.testing.Task
---@param handler taskq.testing.Handler
---@return taskq.testing.Outcome
function M.attempt(task, handler)
  task.status, task.attempts, task.claims = "running", task.attempts + 1, task.claims + 1
  task.effective_max_attempts = task.max_attempts or handler.max_attempts or DEFAULT_MAX_ATTEMPTS
  local number, started = task.attempts, world.now
  events.emit("worker-task:started", task,
    { task = tasks.seen(task), worker_id = world.worker_id })
  local problem = handler.payload and schema.check(handler.payload, codec.decode(task.json))
  local ended, attempt
  if problem then
    ended = { kind = "failure", error = problem, error_kind = "payload", is_discarded = true }
  else
    ended, attempt = attempts.run(handler, task)
  end
  judge(task, handler, ended)
  emit(task, ended, world.now - started)
  return outcome_of(task, ended, attempt, number)
end

--- Does a come before b? Both are due.
local function is_before(a, b)
  if a.priority ~= b.priority then
    return a.priority > b.priority
  elseif a.scheduled_at ~= b.scheduled_at then
    return a.scheduled_at < b.scheduled_at
  end
  return a.id < b.id
end

--- The next task to run, and when the next one is due.
local function find_next()
  local best, due
  for _, task in ipairs(world.tasks) do
    if task.status == "pending" and tasks.handler(task.type) then
      due = math.min(due or task.scheduled_at, task.scheduled_at)
      if task.scheduled_at <= world.now and (not best or is_before(task, best)) then
        best = task
      end
    end
  end
  return best, due
end

local function is_shutting_down()
  return world.shutdown_at ~= nil and world.now >= world.shutdown_at
end

--- Runs what is due until `until_ms`, setting the clock forward from one task to the next.
---@param until_ms number
---@return taskq.testing.Outcome[]
function M.drain(until_ms)
  local outcomes = {}
  while not is_shutting_down() do
    local task, due = find_next()
    if task then
      outcomes[#outcomes + 1] = M.attempt(task, tasks.handler(task.type))
    elseif due and due <= until_ms then
      world.now = due
    else
      break
    end
    if #outcomes > MOST_ATTEMPTS then
      error(("testing.drain: %d attempts, and tasks are left; does a handler snooze for ever?")
        :format(MOST_ATTEMPTS), 0)
    end
  end
  return outcomes
end

return M
