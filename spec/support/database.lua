--- Databases for specs: a fresh one a spec file, and statements run on them by a client that shares
--- no code with taskq.

local driver = require("luasql.postgres").postgres()
local cluster = require "support.cluster"
local taskq = require "support.taskq"
local wait = require "support.wait"

local M = {}

---@class Connection
local Connection = {}
Connection.__index = Connection
Connection.__close = function(self) self:close() end

local DAY_S, MINUTE_S = 86400, 60

local made = {} -- names of the databases to drop
local templates = {} -- by name
local count = 0

-- How a column's text becomes a Lua value; other types stay texts. A sum of bigint is numeric.
local READERS = {
  int2 = tonumber, int4 = tonumber, int8 = tonumber, oid = tonumber,
  float4 = tonumber, float8 = tonumber, numeric = tonumber,
  bool = function(text) return text == "t" end,
}

local function literal(connection, value)
  if value == nil then
    return "null"
  elseif type(value) == "string" then
    return "'" .. connection:escape(value) .. "'"
  end
  return tostring(value)
end

local function bind(connection, sql, ...)
  local values = table.pack(...)
  if values.n == 0 then
    return sql
  end
  return (sql:gsub("%$(%d+)", function(index)
    return literal(connection, values[math.tointeger(index)])
  end))
end

local function read_rows(cursor)
  local names, types, rows = cursor:getcolnames(), cursor:getcoltypes(), {}
  local values = cursor:fetch({}, "n")
  while values do
    local row = {}
    for i, name in ipairs(names) do
      row[name] = values[i]
      if values[i] and READERS[types[i]] then
        row[name] = READERS[types[i]](values[i])
      end
    end
    rows[#rows + 1] = row
    values = cursor:fetch({}, "n")
  end
  cursor:close()
  return rows, names
end

--- Runs statements; $1, $2 ... stand for the values. Raises what the server says.
---@param sql string
---@param ... string | number | boolean | nil
---@return table[] rows  of the last statement, by column name; NULL is nil
---@return string[] names  of its columns
function Connection:query(sql, ...)
  local cursor, message = self.raw:execute(bind(self.raw, sql, ...))
  if not cursor then
    error(message, 2)
  elseif type(cursor) == "userdata" then
    return read_rows(cursor)
  end
  return {}, {} -- a statement without rows gives their count
end

--- The first column of the first row.
---@param sql string
---@return any
function Connection:value(sql, ...)
  local rows, names = self:query(sql, ...)
  return rows[1] and rows[1][names[1]]
end

function Connection:close()
  if self.raw then
    self.raw:close()
    self.raw = nil
  end
end

--- A connection of its own, for transactions that stay open; close it with `local c <close> =`.
---@param url string
---@return Connection
function M.connect(url)
  local raw, message = driver:connect(url)
  if not raw then
    error(message, 2)
  end
  return setmetatable({ raw = raw }, Connection)
end

--- Runs statements on a new connection; see Connection:query.
---@param url string
---@param sql string
---@return table[] rows
function M.query(url, sql, ...)
  local connection <close> = M.connect(url)
  return (connection:query(sql, ...))
end

--- The first column of the first row that a statement gives.
---@param url string
---@param sql string
---@return any
function M.value(url, sql, ...)
  local connection <close> = M.connect(url)
  return connection:value(sql, ...)
end

-- Their clients have gone, or are not wanted any more; the server needs a moment to see that.
local function end_sessions(name)
  M.query(cluster.shared():url("postgres"),
    "select pg_terminate_backend(pid, 30000) from pg_stat_activity where datname = $1", name)
end

local function create(from)
  local shared = cluster.shared()
  count = count + 1
  local name = ("spec_%d"):format(count)
  M.query(shared:url("postgres"), ("create database %s template %s"):format(name, from))
  made[#made + 1] = name
  return shared:url(name)
end

--- A database without the schema.
---@return string url
function M.empty()
  return create("template0")
end

--- Waits for midnight (UTC) when it is near: the minute that follows is of one day.
function M.await_day()
  wait.wait_until(2 * MINUTE_S, function()
    return os.time() % DAY_S < DAY_S - MINUTE_S
  end, "midnight")
end

-- Its days are those that `taskq migrate` makes today.
local function template()
  local name = "taskq_template_" .. os.date("!%Y%m%d")
  if not templates[name] then
    local shared = cluster.shared()
    M.query(shared:url("postgres"), "create database " .. name)
    local result = taskq.run({ "migrate" }, { database = shared:url(name) })
    assert(result.code == 0, "taskq migrate failed:\n" .. result.err)
    end_sessions(name)
    templates[name] = true
  end
  return name
end

--- A database that `taskq migrate` has been run on; what a spec does with it in the first minute
--- happens on one day.
---@return string url
function M.fresh()
  M.await_day()
  return create(template())
end

--- Drops every database that was made; the helper calls it after each spec file.
function M.drop_all()
  while #made > 0 do
    local name = table.remove(made)
    end_sessions(name)
    M.query(cluster.shared():url("postgres"),
      ("drop database if exists %s with (force)"):format(name))
  end
end

return M
