--- Reading by the formats of Lua's files from what gives one piece of text after another.

local core = require "taskq.core"

local M = {}

local MAX_NUMERAL = 200 -- as Lua's own

---@class taskq.Reader
---@field source fun(): string?, string?, integer?  the next piece; nil at the end, or on an error
---@field rest string what was read from the source
---@field at integer where what the handler has not read of it begins
---@field is_at_end boolean
---@field problem table? message and code of the source
local Reader = {}
Reader.__index = Reader

--- Reads more; false at the end.
local function fill(self)
  if self.is_at_end then
    return false
  end
  local bytes, message, code = self.source()
  if not bytes then
    self.is_at_end = true
    self.problem = message and { message, code }
    return false
  end
  self.rest, self.at = self.rest:sub(self.at) .. bytes, 1
  return true
end

local function take(self, count)
  local text = self.rest:sub(self.at, self.at + count - 1)
  self.at = self.at + #text
  return text
end

local function left(self)
  return #self.rest - self.at + 1
end

local function read_bytes(self, count)
  while left(self) < math.max(count, 1) and fill(self) do end
  return left(self) > 0 and take(self, count) or nil
end

local function read_line(self, has_newline)
  local from = self.at
  local newline = self.rest:find("\n", from, true)
  while not newline do
    local seen = left(self)
    if not fill(self) then
      return left(self) > 0 and take(self, left(self)) or nil
    end
    newline = self.rest:find("\n", self.at + seen, true)
  end
  local line = take(self, newline - self.at + 1)
  return has_newline and line or line:sub(1, -2)
end

local function read_all(self)
  local parts = { take(self, left(self)) }
  while fill(self) do
    parts[#parts + 1] = take(self, left(self))
  end
  return table.concat(parts)
end

--- What may be a numeral comes next: reads no further than to its end.
local function peek_word(self)
  repeat
    self.at = self.rest:find("%S", self.at) or #self.rest + 1
    local word = self.rest:match("^[%w.+-]*", self.at)
    if #word >= MAX_NUMERAL or #word < left(self) then
      return word
    end
  until not fill(self)
  return self.rest:sub(self.at)
end

--- The longest numeral that comes next.
local function read_number(self)
  local word = peek_word(self)
  for length = math.min(#word, MAX_NUMERAL), 1, -1 do
    local number = tonumber(word:sub(1, length))
    if number then
      self.at = self.at + length
      return number
    end
  end
  return nil
end

local READERS = {
  a = read_all,
  l = function(self) return read_line(self, false) end,
  L = function(self) return read_line(self, true) end,
  n = read_number,
}

local function reader_of(format, position)
  if math.type(format) == "integer" and format >= 0 then
    return function(self) return read_bytes(self, format) end
  end
  local reader = type(format) == "string" and READERS[format:match("^%*?(.)")]
  return reader or core.refuse(("bad argument #%d to 'read' (invalid format)"):format(position))
end

--- As file:read of Lua's own.
function Reader:read(...)
  local values, count = {}, select("#", ...)
  if count == 0 then
    values[1], count = read_line(self, false), 1
  end
  for i = 1, select("#", ...) do
    values[i] = reader_of((select(i, ...)), i)(self)
    if values[i] == nil then
      count = i
      break
    end
  end
  if values[count] == nil and self.problem then
    return nil, table.unpack(self.problem)
  end
  return table.unpack(values, 1, count)
end

---@param source fun(): string?, string?, integer?
---@return taskq.Reader
function M.new(source)
  return setmetatable({ source = source, rest = "", at = 1, is_at_end = false }, Reader)
end

return M
