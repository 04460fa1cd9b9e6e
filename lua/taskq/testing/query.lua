--- taskq.query and db.query: recorded, and answered by the stubs of testing.query.

local blame = require "taskq.testing.blame"
local clock = require "taskq.testing.clock"
local codec = require "taskq.testing.codec"
local stubs = require "taskq.testing.stubs"
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

local PLAIN = { number = true, boolean = true, ["nil"] = true }

local function check_parameter(name, value)
  local kind = type(value)
  if kind == "string" and value:find("\0", 1, true) then
    blame.raise("%s: PostgreSQL cannot take a text with a zero byte", name)
  elseif kind == "table" then
    codec.encode(value, name)
  elseif not PLAIN[kind] and kind ~= "string" and value ~= codec.null then
    blame.raise("%s: a %s cannot be a parameter", name, kind)
  end
end

local function check(sql, values)
  if type(sql) ~= "string" then
    blame.refuse_argument(1, "query", "string expected, got " .. type(sql))
  elseif sql:find("\0", 1, true) then
    blame.refuse_argument(1, "query", "SQL without zero bytes expected")
  end
  for i = 1, values.n do
    check_parameter("parameter $" .. i, values[i])
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
  local query = table.pack(...)
  check(sql, query)
  query.sql = sql
  local open = clock.check_wait(what).transaction
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
