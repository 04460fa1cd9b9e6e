--- Plans of the statements in sql/queries, made as a worker's connections make them: prepared once,
--- one generic plan, with the settings that src/database/session.c gives to those connections.

local folder = require "support.folder"

local M = {}

--- The settings of the worker's connections.
---@return string sql
function M.settings()
  local source = folder.read("src/database/session.c")
  local parts = {}
  for name, value in source:gmatch('{PLANS, "([^"]*)", "([^"]*)"}') do
    parts[#parts + 1] = ("set %s = '%s';"):format(name, value)
  end
  assert(#parts > 0, "session.c has no settings for plans")
  return table.concat(parts, " ")
end

--- Prepares a statement under its file's name.
---@param connection Connection
---@param name string
function M.prepare(connection, name)
  connection:query(("prepare %s as %s"):format(name, folder.read("sql/queries/" .. name .. ".sql")))
end

--- The plan of a prepared statement, as text; aliases without the numbers that EXPLAIN gives them.
---@param connection Connection
---@param name string
---@param arguments string  SQL
---@return string plan
function M.explain(connection, name, arguments)
  local lines = {}
  for _, row in ipairs(connection:query(
    ("explain (costs off) execute %s(%s)"):format(name, arguments))) do
    lines[#lines + 1] = row["QUERY PLAN"]
  end
  return (table.concat(lines, "\n"):gsub("(%a)_%d+%.", "%1."))
end

return M
