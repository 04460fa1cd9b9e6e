--- os.execute and io.popen, as Lua's own, but others run while they wait.

local core = require "taskq.core"
local pipe = require "taskq.pipe"

local M = {}

local SHELL = "/bin/sh"

--- Runs a command; what it writes goes to the standard error of the worker.
---@param command string?
---@return boolean?
---@return string? how "exit" or "signal"
---@return integer? code
function M.execute(command)
  if command == nil then
    return true
  elseif type(command) ~= "string" then
    core.refuse(("bad argument #1 to 'execute' (string expected, got %s)"):format(type(command)))
  end
  local code, signal, errno = core.spawn {
    what = "os.execute", argv = { SHELL, "-c", command }, env = {}, timeout = 0, max_output = 0,
  }
  if not code then
    return nil, signal, errno -- message and errno
  end
  return pipe.how_it_ended(code, signal)
end

--- Starts a command and returns a file to read what it writes, or to write what it reads. One that
--- is not closed is stopped when its task ends.
---@param command string
---@param mode "r"|"w"|nil
---@return taskq.Pipe?
---@return string? message
---@return integer? code
function M.popen(command, mode)
  if type(command) ~= "string" then
    core.refuse(("bad argument #1 to 'popen' (string expected, got %s)"):format(type(command)))
  elseif mode ~= nil and mode ~= "r" and mode ~= "w" then
    core.refuse("bad argument #2 to 'popen' (invalid mode)")
  end
  local number, message, code = core.pipe_open(command, mode == "w")
  if not number then
    return nil, message, code
  end
  return pipe.new(number, mode == "w")
end

return M
