--- The globals that handler files see: as in the worker, without what would end or block it.

local blame = require "taskq.testing.blame"
local coroutines = require "taskq.testing.coroutines"
local world = require "taskq.testing.world"

local M = {}

local BASE = {
  "_VERSION", "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal",
  "rawget", "rawlen", "rawset", "select", "tonumber", "tostring", "type", "xpcall",
  "math", "table", "utf8",
}

local REFUSED = {
  os = {
    exit = "it would end the worker; return or raise an error instead",
    setlocale = "it would change the whole worker",
  },
  io = {
    input = "the default input would be shared by all tasks; use io.open",
    output = "the default output would be shared by all tasks; use io.open",
    write = "the default output would be shared by all tasks; use io.open or print",
    close = "there is no default output; close the file itself",
  },
  string = { dump = "bytecode cannot be loaded again" },
}

local KEPT = { io = { "lines", "open", "type", "stdout", "stderr" } }

--- Records a line of the log.
---@param level string
---@param message string
---@param fields table?
function M.log(level, message, fields)
  local attempt = world.attempt
  local line = { level = level, message = message, fields = fields or {} }
  line.task = attempt and attempt.task.id
  world.logs[#world.logs + 1] = line
  if attempt then
    table.insert(attempt.logs, line)
  end
end

local function log_printed(level)
  return function(...)
    local parts = table.pack(...)
    for i = 1, parts.n do
      parts[i] = tostring(parts[i])
    end
    M.log(level, table.concat(parts, "\t"))
  end
end

local function refuse(name, reason)
  return function()
    blame.raise("%s is not available in handlers: %s", name, reason)
  end
end

-- lua/taskq/shell.lua stands on what module.lua puts into place, and is asked for when called.
local SHELL = { os = "execute", io = "popen" }

local function library(name)
  local copy = {}
  for _, key in ipairs(KEPT[name] or {}) do
    copy[key] = _G[name][key]
  end
  if not KEPT[name] then
    for key, value in pairs(_G[name]) do
      copy[key] = value
    end
  end
  for key, reason in pairs(REFUSED[name]) do
    copy[key] = refuse(name .. "." .. key, reason)
  end
  local own = SHELL[name]
  if own then
    copy[own] = function(...)
      return require("taskq.shell")[own](...)
    end
  end
  return copy
end

local function base_setmetatable(value, meta)
  if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
    blame.raise("__gc is not available in handlers; use a <close> variable")
  end
  return setmetatable(value, meta)
end

local function base_collectgarbage(option)
  if option ~= "count" then
    blame.raise('collectgarbage("count") is the only form available in handlers: the state is '
      .. "shared by many tasks")
  end
  return collectgarbage("count")
end

--- There is nothing to read: the worker's standard input is /dev/null.
local function io_library()
  local copy = library("io")
  copy.stdin = assert(io.open("/dev/null"))
  function copy.read(...)
    return copy.stdin:read(...)
  end
  return copy
end

--- The globals that all files share; `more` are functions that the caller adds.
---@param more table<string, any>
---@return table
function M.globals(more)
  local globals = {
    os = library("os"), io = io_library(), string = library("string"),
    coroutine = coroutines.library(),
    print = log_printed("info"), warn = log_printed("warn"), setmetatable = base_setmetatable,
    collectgarbage = base_collectgarbage,
  }
  for _, name in ipairs(BASE) do
    globals[name] = _G[name]
  end
  globals.debug = { traceback = debug.traceback }
  for name, value in pairs(more) do
    globals[name] = value
  end
  return globals
end

--- An environment for one file: its own globals, and through it the shared ones.
---@param globals table
---@return table
function M.environment(globals)
  local environment = setmetatable({}, { __index = globals })
  environment._G = environment
  function environment.load(chunk, name, _, ...)
    local env = select("#", ...) > 0 and (...) or environment
    return load(chunk, name, "t", env)
  end
  function environment.loadfile(path, _, ...)
    return loadfile(path, "t", select("#", ...) > 0 and (...) or environment)
  end
  function environment.dofile(path)
    return assert(loadfile(path, "t", environment))()
  end
  return environment
end

return M
