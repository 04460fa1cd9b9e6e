--- A handler's schema of its payload: reading it, and checking payloads; as src/script/payload.c.

local codec = require "taskq.testing.codec"
local hint = require "taskq.testing.hint"

local M = {}

local NAMES = { "string", "number", "integer", "boolean", "object", "array", "any" }
local KINDS = {}
for _, name in ipairs(NAMES) do
  KINDS[name] = true
end

local function refuse_kind(path, field, kind)
  local shown = type(kind) == "string" and kind or type(kind)
  local meant = type(kind) == "string" and hint.text(kind:match("^(.-)%??$"), NAMES) or ""
  if meant ~= "" then
    error(("%s.%s: unknown type \"%s\"%s"):format(path, field, kind, meant), 0)
  end
  error(("%s.%s: must be string, number, integer, boolean, object, array or any, with a ? if it "
    .. "may be absent, or a table of such fields, not %s"):format(path, field, shown), 0)
end

local function read_fields(path, fields)
  for name, kind in pairs(fields) do
    if type(name) ~= "string" then
      error(("%s: the names of fields must be texts, not %s"):format(path, type(name)), 0)
    elseif type(kind) == "table" then
      read_fields(path .. "." .. name, kind)
    elseif type(kind) ~= "string" or not KINDS[kind:match("^(.-)%??$")] then
      refuse_kind(path, name, kind)
    end
  end
end

--- Reads the field `payload` of a handler.
---@param where string
---@param value any
---@return table
function M.read(where, value)
  if type(value) ~= "table" then
    local shown = type(value) == "string" and '"' .. value .. '"' or tostring(value)
    error(("%s: payload: must be a table such as { to = \"string\" }, not %s"):format(where, shown),
      0)
  end
  read_fields(where .. ": payload", value)
  return value
end

--- What kind of JSON a value is; "nil" for none.
local function kind_of(value)
  if value == codec.null then
    return "null"
  elseif type(value) == "table" then
    return (codec.is_array(value) or #value > 0) and "array" or "object"
  elseif type(value) == "number" then
    return math.type(value) == "integer" and "integer" or "number"
  end
  return type(value)
end

local function with_article(kind)
  if kind == "null" or kind == "nil" then
    return kind
  end
  return (kind:find("^[aio]") and "an " or "a ") .. kind
end

local check_object

local function check_field(path, expected, value)
  local found = kind_of(value)
  if type(expected) == "table" then
    return value == nil and path .. ": is missing, must be an object"
      or check_object(path, expected, value)
  end
  local kind, optional = expected:match("^(.-)(%??)$")
  if value == nil then
    return optional == "" and ("%s: is missing, must be %s"):format(path,
      kind == "any" and "there" or with_article(kind)) or nil
  elseif kind == "any" or found == kind or (kind == "number" and found == "integer")
    or (optional == "?" and found == "null") then
    return nil
  end
  return ("%s: must be %s, not %s"):format(path, with_article(kind), with_article(found))
end

function check_object(path, fields, value)
  if kind_of(value) ~= "object" then
    return ("%s: must be an object, not %s"):format(path, with_article(kind_of(value)))
  end
  local names = {}
  for name in pairs(fields) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local problem = check_field(path .. "." .. name, fields[name], rawget(value, name))
    if problem then
      return problem
    end
  end
end

--- Nil, or what is wrong with the payload.
---@param schema table
---@param payload any
---@return string?
function M.check(schema, payload)
  return check_object("payload", schema, payload)
end

return M
