--- context.transaction: stubs answer its queries; what it enqueues is there once it commits.

local codec = require "taskq.testing.codec"
local query = require "taskq.testing.query"
local tasks = require "taskq.testing.tasks"
local world = require "taskq.testing.world"

local M = {}

---@class taskq.testing.Transaction
---@field is_committed boolean
---@field queries taskq.testing.Query[]
---@field enqueued table[] tasks
---@field result any

local function finish(attempt, record, is_done, value)
  local staged = attempt.staged
  attempt.staged = nil
  if not is_done then
    error(value, 0)
  end
  local json, problem
  if value ~= nil then
    json, problem = codec.encode_result(value)
  end
  if problem then
    error(problem, 0)
  end
  record.is_committed, record.result = true, value
  attempt.committed = { json = json }
  for _, task in ipairs(staged) do
    tasks.add(task)
  end
  return value
end

--- Runs fn(db); when it returns, the task is completed with its result.
---@param attempt taskq.testing.Attempt
---@param fn fun(db: taskq.Transaction): any
function M.run(attempt, fn)
  if type(fn) ~= "function" then
    error(("bad argument #1 to 'transaction' (function expected, got %s)"):format(type(fn)), 3)
  elseif attempt.committed then
    error("context.transaction: the task is completed already; there is one transaction a task", 3)
  elseif attempt.staged then
    error("context.transaction: the handler is in a transaction already", 3)
  end
  local record = { is_committed = false, queries = {}, enqueued = {} }
  table.insert(world.transactions, record)
  attempt.staged = {}
  return finish(attempt, record, pcall(fn, {
    query = function(sql, ...)
      return query.run("db.query", record.queries, sql, ...)
    end,
    enqueue = function(fields)
      local task = tasks.enqueue("db.enqueue", fields)
      table.insert(record.enqueued, task)
      return task
    end,
  }))
end

return M
