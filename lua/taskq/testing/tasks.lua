--- The tasks of a test: making them, and what others see of them.

local codec = require "taskq.testing.codec"
local events = require "taskq.testing.events"
local files = require "taskq.testing.files"
local schema = require "taskq.testing.schema"
local world = require "taskq.testing.world"

local M = {}

local FIELDS = {
  type = true, payload = true, priority = true, max_attempts = true, scheduled_at = true,
  delay = true,
}

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

local function refuse(what, field, reason)
  error(("%s: %s: %s"):format(what, field, reason), 0)
end

local function check_integer(what, field, value, least, most)
  local whole = type(value) == "number" and math.tointeger(value)
  if value ~= nil and (not whole or whole < least or whole > most) then
    refuse(what, field, ("must be an integer from %d to %d"):format(least, most))
  end
  return whole or nil
end

local function check_time(what, fields)
  for _, field in ipairs { "delay", "scheduled_at" } do
    local value = fields[field]
    if value ~= nil and (type(value) ~= "number" or value ~= value or value < 0) then
      refuse(what, field, "must be a number of milliseconds, 0 or more")
    end
  end
  if fields.delay and fields.scheduled_at then
    refuse(what, "delay", "give delay or scheduled_at, not both")
  end
end

local function check_fields(what, fields)
  if type(fields) ~= "table" then
    error(what .. ": a table expected, such as { type = \"email:send\", payload = {} }", 0)
  end
  for name in pairs(fields) do
    if not FIELDS[name] then
      refuse(what, tostring(name), "there is no such field")
    end
  end
  local kind = fields.type
  if type(kind) ~= "string" or #kind < 1 or #kind > 200 then
    refuse(what, "type", "must be a string of 1 to 200 bytes")
  end
  check_time(what, fields)
end

--- The handler of a type, or nil.
---@param kind string
---@return taskq.testing.Handler?
function M.handler(kind)
  return world.extra[kind] or files.handlers()[kind]
end

--- A task from the fields of taskq.enqueue, not yet in the queue.
---@param what string the function, for messages
---@param fields table
---@return taskq.testing.Task
function M.make(what, fields)
  check_fields(what, fields)
  local payload = fields.payload
  local json = codec.encode_payload(payload == nil and {} or payload)
  local handler = M.handler(fields.type)
  local problem = handler and handler.payload and schema.check(handler.payload, codec.decode(json))
  if problem then
    error(("%s: %s"):format(what, problem), 0)
  end
  world.last_id = (world.last_id or 0) + 1
  return {
    id = world.last_id, type = fields.type, json = json, status = "pending", attempts = 0,
    claims = 0, created_at = world.now,
    priority = check_integer(what, "priority", fields.priority, -32768, 32767) or 0,
    max_attempts = check_integer(what, "max_attempts", fields.max_attempts, 1, 1000),
    scheduled_at = math.max(world.now, fields.scheduled_at or world.now + (fields.delay or 0)),
  }
end

--- Puts a task into the queue.
---@param task taskq.testing.Task
function M.add(task)
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
---@param fields table
---@return table task
function M.enqueue(what, fields)
  local task = M.make(what, fields)
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
