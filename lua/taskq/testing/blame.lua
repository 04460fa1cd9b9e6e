--- Errors that name the line of the handler, as those of the worker's C functions do, or of its
--- spec, and what keeps a handler from waiting.

local M = {}

local LIBRARIES = { "table", "string", "coroutine", "utf8", "math" }

--- The handler that runs, to be blamed where a tail call has left no line of it.
---@type function?
M.running = nil

--- The innermost level of the stack that is no file of taskq.
---@param is_lua boolean? functions in C are passed over
local function find_caller(is_lua)
  local own = debug.getinfo(1, "S").source:match("^(.*[/\\])testing[/\\]")
  local level = 2
  local info = debug.getinfo(level, "Sl")
  while info and (info.source:sub(1, #own) == own or (is_lua and info.what == "C")) do
    level = level + 1
    info = debug.getinfo(level, "Sl")
  end
  return info
end

local function raise_at(caller, text)
  if not caller and M.running then
    caller = debug.getinfo(M.running, "S")
    caller.currentline = caller.linedefined
  end
  if caller and caller.currentline > 0 then
    text = ("%s:%d: %s"):format(caller.short_src, caller.currentline, text)
  end
  error(text, 0)
end

--- Raises a message; when a line of Lua is to blame for it, with the place of that.
---@param message string
function M.raise(message, ...)
  raise_at(find_caller(), select("#", ...) > 0 and message:format(...) or message)
end

--- Raises a message as the worker's core.refuse does: with the line of the script that has called
--- the library, through whatever functions in C.
---@param message string
function M.refuse(message)
  raise_at(find_caller(true), message)
end

--- Raises a message in a spec, with the line there that has called the library.
---@param message string
function M.raise_in_spec(message)
  raise_at(find_caller(true), message)
end

--- Raises what luaL_argerror would say.
---@param index integer
---@param name string the function
---@param reason string
function M.refuse_argument(index, name, reason)
  M.raise("bad argument #%d to '%s' (%s)", index, name, reason)
end

local function name_function(wanted)
  for _, library in ipairs(LIBRARIES) do
    for name, value in pairs(_G[library]) do
      if value == wanted then
        return library .. "." .. name
      end
    end
  end
end

--- The C function around the caller that Lua cannot suspend.
---@return string
function M.find_barrier()
  local level = 2
  local info = debug.getinfo(level, "Sf")
  while info do
    if info.what == "C" and info.func ~= pcall and info.func ~= xpcall then
      return info.func == require and "require" or name_function(info.func) or "this function"
    end
    level = level + 1
    info = debug.getinfo(level, "Sf")
  end
  return "this function"
end

return M
