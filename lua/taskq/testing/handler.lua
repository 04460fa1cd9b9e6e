--- Reading what a handler file returns, as strictly as the worker does.

local backoff = require "taskq.testing.backoff"
local hint = require "taskq.testing.hint"
local schema = require "taskq.testing.schema"

local M = {}

local MAX_MS = 1e12
local MAX_TYPE_BYTES, MAX_ATTEMPTS, LEAST_MEMORY = 200, 1000, 1024 * 1024
local MS = "must be a number of milliseconds, 1 or more"

---@class taskq.testing.Handler
---@field type string
---@field handler fun(context: taskq.Context): any
---@field timeout integer? milliseconds
---@field max_attempts integer?
---@field backoff taskq.testing.Backoff
---@field payload table? the schema
---@field max_age integer? milliseconds
---@field file string
---@field where string the file, and which of its handlers it is

local PLAIN = { ["nil"] = true, boolean = true, number = true }

--- A value as a message calls it; as src/script/value.c.
---@param value any
---@return string
function M.shown(value)
  if type(value) == "string" then
    return '"' .. value .. '"'
  end
  return PLAIN[type(value)] and tostring(value) or "a " .. type(value)
end

local function refuse(where, field, reason, value)
  error(("%s: %s: %s, not %s"):format(where, field, reason, M.shown(value)), 0)
end

local function read_ms(where, field, value)
  if type(value) ~= "number" or not (value >= 1 and value <= MAX_MS) then
    refuse(where, field, MS, value)
  end
  return math.floor(value)
end

local function read_whole(where, field, value, least, most, reason)
  local whole = type(value) == "number" and math.tointeger(value)
  if not whole or whole < least or whole > most then
    refuse(where, field, reason, value)
  end
  return whole
end

local function refuse_name(where, what, name, known)
  local word = type(name) == "string" and name or "?"
  error(("%s: unknown %s \"%s\"%s"):format(where, what, word, hint.text(word, known)), 0)
end

local function keys(map)
  local list = {}
  for name in pairs(map) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

local BACKOFF = {
  base = function(where, value) return read_ms(where, "backoff.base", value) end,
  cap = function(where, value) return read_ms(where, "backoff.cap", value) end,
  kind = function(where, value)
    for _, kind in ipairs(backoff.KINDS) do
      if value == kind then
        return kind
      end
    end
    if type(value) ~= "string" then
      refuse(where, "kind", "must be a text", value)
    end
    refuse_name(where, "backoff.kind", value, backoff.KINDS)
  end,
  jitter = function(where, value)
    if type(value) ~= "number" or not (value >= 0 and value <= 1) then
      refuse(where, "backoff.jitter", "must be a number from 0 to 1", value)
    end
    return value
  end,
}

local function read_field(readers, where, what, name, value)
  if not readers[name] then
    refuse_name(where, what, name, keys(readers))
  end
  return readers[name](where, value)
end

local function read_backoff(where, value)
  local policy = backoff.default()
  if type(value) ~= "table" then
    refuse(where, "backoff", 'must be a table such as { kind = "fixed", base = 5000 }', value)
  end
  for name, given in pairs(value) do
    policy[name] = read_field(BACKOFF, where, "field of backoff", name, given)
  end
  if policy.cap < policy.base then
    if value.cap then
      refuse(where, "backoff.cap", "must not be less than backoff.base", policy.cap)
    end
    policy.cap = policy.base
  end
  return policy
end

local FIELDS = {
  timeout = function(where, value) return read_ms(where, "timeout", value) end,
  max_age = function(where, value) return read_ms(where, "max_age", value) end,
  backoff = read_backoff,
  payload = schema.read,
  type = function(where, value)
    if type(value) ~= "string" or value == "" or #value > MAX_TYPE_BYTES or value:find("%c")
      or not utf8.len(value) then
      refuse(where, "type", 'must be a text such as "email:send", of at most 200 bytes', value)
    end
    return value
  end,
  handler = function(where, value)
    if type(value) ~= "function" then
      refuse(where, "handler", "must be a function", value)
    end
    return value
  end,
  max_attempts = function(where, value)
    return read_whole(where, "max_attempts", value, 1, MAX_ATTEMPTS,
      "must be a whole number from 1 to 1000")
  end,
  memory_limit = function(where, value)
    return read_whole(where, "memory_limit", value, LEAST_MEMORY, math.maxinteger,
      "must be a number of bytes, 1048576 or more")
  end,
}

local function read(file, value, item)
  local where = item and ("%s: handler %d"):format(file, item) or file
  local found = { file = file, where = where, backoff = backoff.default() }
  for name, given in pairs(value) do
    found[name] = read_field(FIELDS, where, "field", name, given)
  end
  for _, name in ipairs { "type", "handler" } do
    found[name] = found[name] or FIELDS[name](where, nil)
  end
  return found
end

local NAMES = {
  ["nil"] = "nothing", boolean = "nothing", number = "a number", string = "a string",
  table = "an empty table", ["function"] = "a function", thread = "a thread",
}

--- A file that returns nothing has the value that require gives it.
local function name_value(value)
  return NAMES[type(value)] or "userdata"
end

--- The handlers that a file returned.
---@param file string for messages
---@param value any
---@return taskq.testing.Handler[]
function M.read_all(file, value)
  if type(value) ~= "table" or next(value) == nil then
    error(file .. ": must return a handler, such as { type = \"email:send\", handler = "
      .. "function(context) ... end }, or a list of them, not " .. name_value(value)
      .. " (a module for require belongs below lib/)", 0)
  elseif #value == 0 then
    return { read(file, value) }
  end
  local list = {}
  for i, item in ipairs(value) do
    if type(item) ~= "table" then
      error(("%s: item %d of its list is a %s, not a handler"):format(file, i, type(item)), 0)
    end
    list[i] = read(file, item, i)
  end
  return list
end

return M
