--- Testing handlers without a worker and without a database: `require "taskq.testing"` puts a
--- `taskq` into place whose clock, queue, network and database are the test's own.

local codec = require "taskq.testing.codec"
local control = require "taskq.testing.control"
local files = require "taskq.testing.files"
local handler = require "taskq.testing.handler"
local http = require "taskq.testing.http"
local query = require "taskq.testing.query"
local queue = require "taskq.testing.queue"
local spawn = require "taskq.testing.spawn"
local stubs = require "taskq.testing.stubs"
local tasks = require "taskq.testing.tasks"
local world = require "taskq.testing.world"
require "taskq.testing.module" -- puts itself in the place of `taskq`

---@class taskq.testing
---@field enqueued table[] the tasks that handlers enqueued
---@field requests taskq.testing.Request[]
---@field spawned taskq.testing.Command[]
---@field queries taskq.testing.Query[]
---@field transactions taskq.testing.Transaction[]
---@field mails taskq.Mail[]
---@field files table<string, string> by path, what taskq.file.write wrote
---@field logs taskq.testing.LogLine[]
---@field events taskq.Event[]
local M = setmetatable({}, {
  __index = function(_, name)
    local value = rawget(world, name)
    return type(value) == "table" and value or nil
  end,
})

--- Begins anew: an empty queue, no stubs, files that load again. For before_each.
M.reset = world.reset

M.http = http.stub
M.query = query.stub
M.spawn = spawn.stub

--- Answers mails; without it they all succeed.
---@param ... any true, { error = message, code = number }, or a function(mail)
function M.mail(...)
  stubs.add("mail", function() return true end, ...)
end

--- The handler of a type, of a file, or of a table such as a file returns.
local function find_handler(what, kind)
  if type(what) == "string" and not what:find("%.lua$") then
    return tasks.handler(what)
      or error(("testing.run: no file below %s handles %s"):format(world.handlers, what), 3)
  end
  local list = type(what) == "table" and handler.read_all("the handler", what)
    or files.handlers_of(what)
  for _, item in ipairs(list) do
    world.extra[item.type] = item
  end
  if kind == nil and #list > 1 then
    error(("testing.run: %s has %d handlers; say which: { type = %q }"):format(tostring(what),
      #list, list[1].type), 3)
  end
  return world.extra[kind or list[1].type]
    or error(("testing.run: %s has no handler of %s"):format(tostring(what), kind), 3)
end

--- Makes a task and runs one attempt at it, now. A task that is to be retried stays in the queue:
--- see advance() and drain().
---@param what string|taskq.Handler a type, the path of a file, or a handler itself
---@param payload any
---@param options { attempt: integer?, priority: integer?, max_attempts: integer?, type: string? }?
---@return taskq.testing.Outcome
function M.run(what, payload, options)
  options = options or {}
  local found = find_handler(what, options.type)
  local task = tasks.make("testing.run", {
    type = found.type, payload = payload, priority = options.priority,
    max_attempts = options.max_attempts,
  }, true)
  task.attempts = (options.attempt or 1) - 1
  tasks.add(task)
  return queue.attempt(task, found)
end

--- Makes handlers known that lie in no file.
---@param value taskq.Handler|taskq.Handler[]
function M.handle(value)
  for _, item in ipairs(handler.read_all("the handler", value)) do
    world.extra[item.type] = item
  end
end

--- Enqueues a task, as any program does by SQL: a payload that its handler does not expect fails
--- the task when it runs.
---@param task taskq.NewTask
---@return table task
function M.enqueue(task)
  local made = tasks.make("testing.enqueue", task, true)
  tasks.add(made)
  return tasks.view(made)
end

--- Runs tasks in order of due time and priority until none is left, those that handlers enqueue
--- too, and retries; the clock is set forward as need be. Types without a handler stay pending.
---@return taskq.testing.Outcome[] one for each attempt, in order
function M.drain()
  return queue.drain(math.huge)
end

--- Sets the clock forward, running what becomes due on the way.
---@param ms number
---@return taskq.testing.Outcome[]
function M.advance(ms)
  local target = world.now + ms
  local outcomes = queue.drain(target)
  world.now = math.max(world.now, target)
  return outcomes
end

--- The virtual clock, in milliseconds since the epoch.
---@return number
function M.now()
  return world.now
end

--- The folder with the handlers, such as "handlers".
---@return string
function M.handlers_folder()
  return world.handlers
end

--- A task, with status, attempts, result and error; all of them in order without an id.
---@param id integer?
---@return table|table[]|nil
function M.tasks(id)
  if id then
    local task = tasks.find(id)
    return task and tasks.view(task)
  end
  local list = {}
  for i, task in ipairs(world.tasks) do
    list[i] = tasks.view(task)
  end
  return list
end

M.cancel = control.cancel
M.retry = control.retry
M.stats = control.stats

--- The worker begins to shut down: now, or that many milliseconds later on the clock.
---@param in_ms number?
function M.shut_down(in_ms)
  world.shutdown_at = world.now + (in_ms or 0)
end

--- Another worker takes over: what was given back runs again.
function M.restart()
  world.shutdown_at = nil
end

--- The codec of payloads and results, as taskq.json.
M.decode, M.encode = codec.decode, codec.encode

--- How far retries are jittered: 0 (without it) to 1.
---@param unit number
function M.jitter(unit)
  world.unit = unit
end

return M
