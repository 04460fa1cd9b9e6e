--- context.transaction: stubs answer its statements; what it enqueues is there once it commits. A
--- stub of testing.query for "commit" that answers with an error makes the commit fail.

local blame = require "taskq.testing.blame"
local clock = require "taskq.testing.clock"
local codec = require "taskq.testing.codec"
local query = require "taskq.testing.query"
local stubs = require "taskq.testing.stubs"
local tasks = require "taskq.testing.tasks"
local world = require "taskq.testing.world"

local M = {}

---@class taskq.testing.Transaction
---@field is_committed boolean
---@field queries taskq.testing.Query[]
---@field enqueued table[] tasks
---@field result any
---@field failure { message: string, code: string? }? of the first statement that failed
---@field staged taskq.testing.Task[]

local function check(attempt, fn)
  if type(fn) ~= "function" then
    blame.refuse_argument(1, "transaction", "function expected, got " .. type(fn))
  end
  clock.check_wait("context.transaction")
  if attempt.transaction then
    blame.raise("context.transaction: one is open already; they do not nest")
  elseif attempt.committed then
    blame.raise("context.transaction: an earlier one has settled the task; use taskq.query for "
      .. "what comes after it")
  end
end

local function encode_result(result)
  local is_json, text = pcall(codec.encode_result, result, "context.transaction: the result")
  return is_json and text or blame.refuse(text)
end

local function commit(attempt, open, result)
  local failure = open.failure
  if not failure then
    local answer, message, code = stubs.answer("query", { sql = "commit", n = 0 }, true, "")
    local is_error, text, sqlstate = stubs.error_of(answer)
    failure = (is_error or answer == nil) and { message = text or message, code = sqlstate or code }
  end
  if failure then
    attempt.rollback = failure.message
    return nil, failure.message, failure.code
  end
  open.is_committed, open.result = true, result
  attempt.rollback = nil
  for _, task in ipairs(open.staged) do
    tasks.add(task)
  end
  return result
end

--- Runs fn(db); when it returns, the task is completed with its result.
---@param attempt taskq.testing.Attempt
---@param fn fun(db: taskq.Transaction): any
---@return any result
---@return string? message
---@return string? sqlstate
function M.run(attempt, fn)
  check(attempt, fn)
  local open = { is_committed = false, queries = {}, enqueued = {}, staged = {} }
  table.insert(world.transactions, open)
  attempt.transaction = open
  local is_done, result = pcall(fn, {
    query = function(sql, ...)
      return query.run("db.query", sql, ...)
    end,
    enqueue = function(fields)
      return tasks.enqueue("db.enqueue", fields)
    end,
  })
  attempt.transaction = nil
  if not is_done then
    error(result, 0)
  end
  local json = result ~= nil and encode_result(result)
  local value, message, code = commit(attempt, open, result)
  if open.is_committed then
    attempt.committed = { json = json or nil }
  end
  return value, message, code
end

return M
