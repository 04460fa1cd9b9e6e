--- Mail addresses: reading them, and writing them into header fields.

local arguments = require("taskq.arguments")("taskq.mail")
local mime = require "taskq.mime"

local M = {}

---@class taskq.Address
---@field name string of the person, may be empty
---@field address string

--- Returns `value`, which must be one line of UTF-8.
---@param argument string its name
---@param value any
---@return string
function M.check_line(argument, value)
  if type(value) ~= "string" then
    arguments:refuse(argument, "must be a string, not %s", type(value))
  elseif value:find("[\r\n]") then
    arguments:refuse(argument, "must not contain a newline")
  elseif value:find("%c") or not utf8.len(value) then
    arguments:refuse(argument, "must be UTF-8 without control characters")
  end
  return value
end

local function is_address(address)
  local name, domain = address:match("^([%w.!#$%%&'*+/=?^_`{|}~-]+)@([%w.-]+)$")
  return name and #name <= 64 and #domain <= 255
    and not ("." .. name .. "."):find("..", 1, true)
    and not ("." .. domain .. "."):find("%.%-") and not ("." .. domain .. "."):find("%-%.")
    and not ("." .. domain .. "."):find("..", 1, true)
end

--- Reads "Ada <ada@mail.example>" or "ada@mail.example".
---@param argument string its name
---@param value any
---@return taskq.Address
function M.parse(argument, value)
  local name, address = M.check_line(argument, value):match("^%s*(.-)%s*<([^<>]*)>%s*$")
  address = address or value:match("^%s*(.-)%s*$")
  if not is_address(address) then
    arguments:refuse(argument,
      "%q is not an address such as ada@mail.example or Ada <ada@mail.example>", value)
  end
  local quoted = name and name:match('^"(.*)"$')
  return { name = quoted and quoted:gsub("\\(.)", "%1") or name or "", address = address }
end

--- Reads one address or a list of them; nil is an empty list.
---@param argument string its name
---@param value any
---@return taskq.Address[]
function M.parse_list(argument, value)
  local list = {}
  if type(value) == "table" then
    for i, item in ipairs(value) do
      list[i] = M.parse(("%s[%d]"):format(argument, i), item)
    end
  elseif value ~= nil then
    list[1] = M.parse(argument, value)
  end
  return list
end

--- The tokens of one address in a header field; all but the first begin with a space.
local function address_tokens(item)
  local tokens
  if item.name == "" then
    return { item.address }
  elseif not mime.is_plain(item.name) then
    tokens = mime.encoded_words(item.name)
  elseif item.name:find("[^%w !#$%%&'*+/=?^_`{|}~-]") then
    tokens = { '"' .. item.name:gsub('[\\"]', "\\%0") .. '"' }
  else
    tokens = { item.name }
  end
  for i = 2, #tokens do
    tokens[i] = " " .. tokens[i]
  end
  tokens[#tokens + 1] = " <" .. item.address .. ">"
  return tokens
end

--- A header field of addresses.
---@param name string
---@param list taskq.Address[]
---@return string field ends with CRLF
function M.field(name, list)
  local tokens = {}
  for i, item in ipairs(list) do
    for k, token in ipairs(address_tokens(item)) do
      tokens[#tokens + 1] = (i > 1 and k == 1) and " " .. token or token
    end
    if i < #list then
      tokens[#tokens] = tokens[#tokens] .. ","
    end
  end
  return mime.fold(name, tokens)
end

--- The bare addresses of several lists, each once.
---@param lists taskq.Address[][]
---@return string[]
function M.union(lists)
  local addresses, seen = {}, {}
  for _, list in ipairs(lists) do
    for _, item in ipairs(list) do
      if not seen[item.address] then
        seen[item.address] = true
        addresses[#addresses + 1] = item.address
      end
    end
  end
  return addresses
end

return M
