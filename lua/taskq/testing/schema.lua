--- A handler's schema of its payload: reading it, and checking payloads.

local codec = require "taskq.testing.codec"

local M = {}

local TYPES = {
  string = true, number = true, integer = true, boolean = true, object = true, array = true,
  any = true,
}

--- Reads the field `payload` of a handler.
---@param where string
---@param value any
---@return table
function M.read(where, value)
  if type(value) ~= "table" then
    error(("%s: payload: must be a table such as { to = \"string\" }, not %s"):format(where,
      tostring(value)), 0)
  end
  for name, kind in pairs(value) do
    local plain = type(kind) == "string" and kind:gsub("%?$", "")
    if type(name) ~= "string" or not TYPES[plain] then
      error(("%s: payload.%s: %s is no type"):format(where, tostring(name), tostring(kind)), 0)
    end
  end
  return value
end

--- What kind of JSON a value is.
local function kind_of(value)
  if value == nil or value == codec.null then
    return "null"
  elseif type(value) == "table" then
    return codec.is_array(value) and "array" or "object"
  elseif math.type(value) == "integer" then
    return "integer"
  end
  return type(value)
end

local function fits(value, kind)
  local found = kind_of(value)
  return kind == "any" or found == kind or (kind == "number" and found == "integer")
end

--- Nil, or what is wrong with the payload.
---@param schema table
---@param payload any
---@return string?
function M.check(schema, payload)
  if kind_of(payload) ~= "object" then
    return "payload: must be an object"
  end
  local names = {}
  for name in pairs(schema) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local kind, is_optional = schema[name]:match("^(.-)(%??)$")
    local found = kind_of(payload[name])
    if not (found == "null" and is_optional == "?") and not fits(payload[name], kind) then
      return ("payload.%s: must be %s, not %s"):format(name, schema[name], found)
    end
  end
end

return M
