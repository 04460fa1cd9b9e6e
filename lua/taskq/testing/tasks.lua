--- The tasks of a test: making them, and what others see of them.

local blame = require "taskq.testing.blame"
local codec = require "taskq.testing.codec"
local events = require "taskq.testing.events"
local fields = require "taskq.testing.fields"
local files = require "taskq.testing.files"
local schema = require "taskq.testing.schema"
local world = require "taskq.testing.world"

local M = {}

---@class taskq.testing.Task
---@field id integer
---@field type string
---@field json string the payload
---@field status string
---@field priority integer
---@field attempts integer
---@field claims integer
---@field max_attempts integer?
---@field effective_max_attempts integer
---@field created_at number
---@field scheduled_at number
---@field error string?
---@field result any

--- The handler of a type, or nil.
---@param kind string
---@return taskq.testing.Handler?
function M.handler(kind)
  return world.extra[kind] or files.handlers()[kind]
end

--- A task from what taskq.enqueue takes, not yet in the queue.
---@param what string the function, for messages
---@param task any
---@param is_from_sql boolean? its payload is checked when it runs, not now
---@return taskq.testing.Task
function M.make(what, task, is_from_sql)
  local made = fields.read(what, task)
  local handler = not is_from_sql and M.handler(made.type)
  local problem = handler and handler.payload
    and schema.check(handler.payload, codec.decode(made.json))
  if problem then
    blame.raise("%s: %s", what, problem)
  end
  world.last_id = (world.last_id or 0) + 1
  made.id, made.status, made.attempts, made.claims = world.last_id, "pending", 0, 0
  made.created_at = world.now
  made.scheduled_at = math.max(made.scheduled_at or 0, world.now + (made.delay or 0))
  made.delay = nil
  return made
end

--- Puts a task into the queue.
---@param task taskq.testing.Task
function M.add(task)
  files.handlers() -- and listeners
  world.tasks[#world.tasks + 1] = task
  events.emit("worker-task:created", task, { task = M.seen(task) })
end

--- What handlers and listeners see of a task.
---@param task taskq.testing.Task
---@return taskq.Task
function M.seen(task)
  return {
    id = task.id, type = task.type, payload = codec.decode(task.json), priority = task.priority,
    attempt = task.attempts, attempts = task.attempts, claims = task.claims,
    max_attempts = task.effective_max_attempts or task.max_attempts,
    created_at = task.created_at + 0.0, scheduled_at = task.scheduled_at + 0.0,
  }
end

--- What producers and tests see of a task.
---@param task taskq.testing.Task
---@return table
function M.view(task)
  return {
    id = task.id, type = task.type, payload = codec.decode(task.json), priority = task.priority,
    status = task.status, attempts = task.attempts, max_attempts = task.max_attempts,
    created_at = task.created_at + 0.0, scheduled_at = task.scheduled_at + 0.0, error = task.error,
    result = task.result,
  }
end

--- Enqueues a task: at once, or with the transaction that the handler is in.
---@param what string
---@param given any
---@return table task
function M.enqueue(what, given)
  local task = M.make(what, given)
  local attempt = world.attempt
  if attempt then
    table.insert(world.enqueued, M.view(task))
  end
  if attempt and attempt.transaction then
    table.insert(attempt.transaction.staged, task)
    table.insert(attempt.transaction.enqueued, M.view(task))
  else
    M.add(task)
  end
  return M.view(task)
end

---@param id any
---@return taskq.testing.Task?
function M.find(id)
  for _, task in ipairs(world.tasks) do
    if task.id == id then
      return task
    end
  end
end

return M
