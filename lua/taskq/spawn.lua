--- Programs: what a handler asks for is checked here.

local arguments = require("taskq.arguments")("taskq.spawn")
local core = require "taskq.core"

---@class taskq.Spawn
---@field [integer] string|number the program, looked for in PATH, and its arguments
---@field stdin? string what it reads; default: nothing
---@field cwd? string
---@field env? table<string, string|number> added to the worker's environment
---@field timeout? number milliseconds; default: as long as the task may take
---@field max_output? integer bytes of each of stdout and stderr; default 1 MB

---@class taskq.Ended
---@field code integer 0: it succeeded
---@field signal integer? the one that ended it; code is 128 + signal then, as in shells
---@field stdout string
---@field stderr string

local MAX_MS = 1e9
local MAX_BYTES = 1 << 40

local FIELDS = { "stdin", "cwd", "env", "timeout", "max_output" }

local function check_word(argument, value)
  if type(value) ~= "string" and type(value) ~= "number" then
    arguments:refuse(argument, "must be a string or a number, not %s", type(value))
  elseif tostring(value):find("\0", 1, true) then
    arguments:refuse(argument, "must not contain a zero byte")
  end
  return tostring(value)
end

local function check_argv(request)
  local argv = {}
  for i, word in ipairs(request) do
    argv[i] = check_word(("[%d]"):format(i), word)
  end
  for position in pairs(request) do
    if math.type(position) == "integer" and not argv[position] then
      arguments:refuse(("[%d]"):format(position), "the one before it is nil")
    end
  end
  if not argv[1] or argv[1] == "" then
    arguments:refuse("[1]", "is missing: the program")
  end
  return argv
end

local function check_env(request)
  local env = {}
  for name, value in pairs(arguments:table(request, "env")) do
    local argument = ("env[%q]"):format(tostring(name))
    if type(name) ~= "string" or not name:find("^[^=\0]+$") then
      arguments:refuse(argument, "is no name of a variable")
    end
    env[#env + 1] = name .. "=" .. check_word(argument, value)
  end
  return env
end

--- Runs a program without a shell, waits until it and whoever has its output has ended, and returns
--- how it ended; else nil, a message and an errno: it could not be started, ran longer than its
--- timeout, or wrote too much, and was stopped. The handler is suspended meanwhile.
---@param request taskq.Spawn
---@return taskq.Ended?
---@return string? message
---@return integer? code
return function(request)
  arguments:check_fields(request, FIELDS, '{ "gzip", "-k", path }', true)
  local code, signal, stdout, stderr = core.spawn {
    what = "taskq.spawn",
    argv = check_argv(request),
    stdin = arguments:text(request, "stdin"),
    cwd = arguments:line(request, "cwd"),
    env = check_env(request),
    timeout = arguments:integer(request, "timeout", 1, MAX_MS, 0),
    max_output = arguments:integer(request, "max_output", 0, MAX_BYTES, 1024 * 1024),
    is_output_kept = true,
  }
  if not code then
    return nil, signal, stdout -- message and code
  end
  return {
    code = signal == 0 and code or 128 + signal,
    signal = signal ~= 0 and signal or nil,
    stdout = stdout,
    stderr = stderr,
  }
end
