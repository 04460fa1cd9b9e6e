--- The exact JSON codec of the worker, loaded as a module of plain Lua.

local blame = require "taskq.testing.blame"

local M = {}

local MAX_JSON_BYTES, MAX_PAYLOAD_BYTES = 64 * 1024 * 1024, 4 * 1024 * 1024
local MAX_RESULT_BYTES, MAX_ERROR_BYTES = 1024 * 1024, 64 * 1024
local REPLACEMENT = "\u{FFFD}"

local function load_codec()
  local is_found, codec = pcall(require, "taskq_json")
  if not is_found then
    error("taskq.testing needs the C module taskq_json, the worker's JSON codec. `taskq test` "
      .. "brings it along; to call busted yourself, put its folder on LUA_CPATH: CMake builds "
      .. "taskq_json.so beside the program, `cmake --install` puts it into lib/lua/5.4. Lua says: "
      .. tostring(codec), 0)
  end
  return codec
end

local codec = load_codec()

local ARRAY_MARK = getmetatable(codec.array())

M.null = codec.null
M.array = codec.array

--- Raises what the codec says, with the line of the script that is to blame.
local function encode(...)
  local is_json, text = pcall(codec.encode, ...)
  return is_json and text or blame.refuse(text)
end

--- Is this decoded value a JSON array?
---@param value any
---@return boolean
function M.is_array(value)
  return type(value) == "table" and getmetatable(value) == ARRAY_MARK
end

--- taskq.json.encode
---@param value any
---@param root string? how errors call it
---@return string
function M.encode(value, root)
  return encode(value, root or "value", MAX_JSON_BYTES)
end

--- taskq.json.decode
---@param text string
---@return any
---@return string? message
function M.decode(text)
  if type(text) ~= "string" and type(text) ~= "number" then
    blame.refuse_argument(1, "decode", "string expected, got " .. type(text))
  end
  local is_json, value = pcall(codec.decode, tostring(text), "text")
  if is_json then
    return value
  end
  return nil, value
end

--- The JSON of a payload; raises what is wrong with it.
---@param value any
---@param root string how the message calls it
---@return string
function M.encode_payload(value, root)
  return encode(value, root, MAX_PAYLOAD_BYTES, true)
end

--- The JSON of a result; raises what is wrong with it.
---@param value any
---@param root string how the message calls it
---@return string
function M.encode_result(value, root)
  local is_json, text = pcall(codec.encode, value, root, MAX_RESULT_BYTES, true)
  return is_json and text or error(text, 0)
end

--- Text as PostgreSQL can store it: each byte that is not UTF-8, or zero, becomes U+FFFD.
---@param text string
---@return string
function M.clean(text)
  local parts, from = {}, 1
  while from <= #text do
    local _, bad = utf8.len(text, from)
    parts[#parts + 1] = text:sub(from, (bad or #text + 1) - 1)
    if bad then
      parts[#parts + 1] = REPLACEMENT
    end
    from = (bad or #text) + 1
  end
  return (table.concat(parts):gsub("\0", REPLACEMENT))
end

--- The stored text of an error value.
---@param value any
---@return string
function M.describe_error(value)
  if value == nil then
    return "an error without a message: error(nil)"
  end
  local meta = type(value) == "table" and getmetatable(value)
  local has_tostring = type(meta) == "table" and rawget(meta, "__tostring") ~= nil
  local is_text, text
  if type(value) == "table" and not has_tostring then
    is_text, text = pcall(codec.encode, value, "error", MAX_ERROR_BYTES)
  end
  if not is_text then
    is_text, text = pcall(tostring, value)
  end
  return M.clean((is_text and text or "an error value without a text"):sub(1, MAX_ERROR_BYTES))
end

return M
