--- taskq.query and db.query: recorded, and answered by the stubs of testing.query.

local stubs = require "taskq.testing.stubs"
local codec = require "taskq.testing.codec"
local clock = require "taskq.testing.clock"
local world = require "taskq.testing.world"

local M = {}

---@class taskq.testing.Query
---@field sql string
---@field n integer how many values
---@field [integer] any the values

local ABORTED = "current transaction is aborted, commands ignored until end of transaction block"

local function squeeze(sql)
  return (sql:lower():gsub("%s+", " "))
end

--- Answers queries that contain a text, whatever their case and spaces.
---@param part string
---@param ... any rows, { error = message, code = sqlstate }, or a function(query)
function M.stub(part, ...)
  local wanted = squeeze(part)
  stubs.add("query", function(query)
    return squeeze(query.sql):find(wanted, 1, true) ~= nil
  end, ...)
end

local PARAMETERS = {
  string = true, number = true, boolean = true, ["nil"] = true, table = true,
}

local function check(what, sql, values)
  if type(sql) ~= "string" then
    error(("%s: the SQL must be a string, not %s"):format(what, type(sql)), 0)
  end
  for i = 1, values.n do
    if not PARAMETERS[type(values[i])] and values[i] ~= codec.null then
      error(("%s: parameter %d: a %s has no SQL form"):format(what, i, type(values[i])), 0)
    end
  end
end

--- The statement in the transaction that is open; its first failure is that of the transaction.
local function fail(open, message, code)
  if open then
    open.failure = open.failure or { message = message, code = code }
  end
  return nil, message, code
end

--- Runs a statement, in the transaction that is open if there is one.
---@param what string
---@param sql string
---@return table? rows
---@return string? message
---@return string? sqlstate
function M.run(what, sql, ...)
  local open = clock.check_wait(what).transaction
  local query = table.pack(...)
  check(what, sql, query)
  query.sql = sql
  table.insert(world.queries, query)
  if open then
    table.insert(open.queries, query)
  end
  if open and open.failure then
    return nil, ABORTED, "25P02"
  end
  local answer, message, code = stubs.answer("query", query, nil,
    ("%s: no stub answers this; add testing.query(\"...\", rows):\n%s"):format(what, sql))
  local is_error, text, sqlstate = stubs.error_of(answer)
  if answer == nil or is_error then
    return fail(open, text or message, sqlstate or code)
  end
  local rows = table.move(answer, 1, #answer, 1, {})
  rows.affected = answer.affected or #answer
  return rows
end

return M
