--- Checks a table of arguments: what is wrong is raised, with the function and the argument named.

local core = require "taskq.core"

---@class taskq.Arguments
---@field name string of the function
local Arguments = {}
Arguments.__index = Arguments

--- Raises what is wrong with an argument.
---@param argument string
---@param reason string a format
function Arguments:refuse(argument, reason, ...)
  core.refuse(("%s: %s: %s"):format(self.name, argument, reason:format(...)))
end

local function contains(list, wanted)
  for _, item in ipairs(list) do
    if item == wanted then
      return true
    end
  end
  return false
end

--- Refuses what is no table, and fields that are not known.
---@param request any
---@param known string[]
---@param example string how a call looks
---@param has_positions boolean? there may be a list in it
function Arguments:check_fields(request, known, example, has_positions)
  if type(request) ~= "table" then
    core.refuse(("%s: a table expected, such as %s"):format(self.name, example))
  end
  for name in pairs(request) do
    if not contains(known, name) and not (has_positions and math.type(name) == "integer") then
      local meant = core.hint(tostring(name), known)
      local remedy = meant and (" (did you mean %q?)"):format(meant)
        or "; there are " .. table.concat(known, ", ")
      self:refuse(tostring(name), "there is no such argument%s", remedy)
    end
  end
end

--- A string, or nil.
---@return string?
function Arguments:text(request, argument)
  local value = request[argument]
  if value ~= nil then
    self:need_text(argument, value)
  end
  return value
end

--- Refuses an argument of its own that is no string.
---@param argument string
---@param value any
function Arguments:need_text(argument, value)
  if type(value) ~= "string" then
    self:refuse(argument, "must be a string, not %s", type(value))
  end
end

--- Refuses an argument of its own that names no file.
---@param argument string
---@param value any
function Arguments:need_path(argument, value)
  self:need_text(argument, value)
  if value == "" or value:find("\0", 1, true) then
    self:refuse(argument, "must be the name of a file")
  end
end

--- A string of one line, or nil.
---@return string?
function Arguments:line(request, argument)
  local value = self:text(request, argument)
  if value and value:find("%c") then
    self:refuse(argument, "must not contain control characters")
  end
  return value
end

--- A number, rounded up to an integer.
---@param least integer
---@param most integer
---@param default integer?
---@return integer?
function Arguments:integer(request, argument, least, most, default)
  local value = request[argument]
  if value == nil then
    return default
  elseif type(value) ~= "number" or not (value >= least and value <= most) then
    self:refuse(argument, "must be a number from %d to %d", least, most)
  end
  return math.ceil(value)
end

--- A table, empty where there is none.
---@return table
function Arguments:table(request, argument)
  local value = request[argument]
  if value ~= nil and type(value) ~= "table" then
    self:refuse(argument, "must be a table, not %s", type(value))
  end
  return value or {}
end

--- The checks of one function.
---@param name string such as "taskq.http"
---@return taskq.Arguments
return function(name)
  return setmetatable({ name = name }, Arguments)
end
