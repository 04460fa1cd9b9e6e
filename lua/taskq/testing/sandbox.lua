--- The globals that handler files see: as in the worker, without what would end or block it.

local blame = require "taskq.testing.blame"
local clock = require "taskq.testing.clock"
local world = require "taskq.testing.world"

local M = {}

local HOOK_INSTRUCTIONS = 100000

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

local KEPT = { io = { "lines", "open", "type" } }

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
  return copy
end

--- Gives a coroutine the time limit of the attempt that runs; leaves other hooks (of a coverage
--- tool) alone.
---@param thread thread
function M.limit(thread)
  if world.attempt and not debug.gethook(thread) then
    debug.sethook(thread, world.attempt.hook, "", HOOK_INSTRUCTIONS)
  end
end

local function pass_up(is_fine, first, ...)
  if first == clock.STOP then
    coroutine.yield(clock.STOP) -- for ever
  end
  return is_fine, first, ...
end

local function create(body)
  local thread = coroutine.create(body)
  M.limit(thread)
  return thread
end

local function resume(thread, ...)
  return pass_up(coroutine.resume(thread, ...))
end

local function return_or_raise(thread, is_fine, first, ...)
  if is_fine then
    return first, ...
  end
  if coroutine.status(thread) ~= "running" then
    coroutine.close(thread)
  end
  if type(first) == "string" then
    blame.raise("%s", first)
  end
  error(first, 0)
end

local function wrap(body)
  local thread = create(body)
  return function(...)
    return return_or_raise(thread, resume(thread, ...))
  end
end

local function is_base()
  return world.attempt == nil or coroutine.running() == world.attempt.thread
end

local function yield(...)
  if is_base() then
    blame.raise("attempt to yield from outside a coroutine")
  end
  return coroutine.yield(...)
end

local function coroutine_library()
  return {
    close = coroutine.close, create = create, resume = resume, status = coroutine.status,
    wrap = wrap, yield = yield,
    isyieldable = function() return not is_base() end,
    running = function() return coroutine.running(), is_base() end,
  }
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

--- The globals that all files share; `more` are functions that the caller adds.
---@param more table<string, any>
---@return table
function M.globals(more)
  local globals = {
    os = library("os"), io = library("io"), string = library("string"),
    coroutine = coroutine_library(),
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
