--- The file that io.popen returns: what files have, over a pipe whose reads and writes wait.

local core = require "taskq.core"
local reader = require "taskq.reader"

local M = {}

local EBADF, ESPIPE = 9, 29

--- What os.execute and the close of a pipe return.
function M.how_it_ended(code, signal)
  if signal ~= 0 then
    return nil, "signal", signal
  end
  return code == 0 or nil, "exit", code
end

---@class taskq.Pipe
---@field number integer? nil when it is closed
---@field reader taskq.Reader? nil when it is to be written
local Pipe = {}

local function check_open(self, method)
  if type(self) ~= "table" or getmetatable(self) ~= "FILE*" then
    core.refuse(("bad argument #1 to '%s' (FILE* expected)"):format(method))
  elseif not self.number then
    core.refuse("attempt to use a closed file")
  end
  return self
end

local function read(self, ...)
  if not self.reader then
    return nil, "Bad file descriptor", EBADF
  end
  return self.reader:read(...)
end

function Pipe:read(...)
  return read(check_open(self, "read"), ...)
end

function Pipe:lines(...)
  local formats = table.pack(...)
  check_open(self, "lines")
  return function()
    if not self.number then
      core.refuse("file is already closed")
    end
    return read(self, table.unpack(formats, 1, formats.n))
  end
end

function Pipe:write(...)
  check_open(self, "write")
  local parts = {}
  for i = 1, select("#", ...) do
    local part = select(i, ...)
    if type(part) ~= "string" and type(part) ~= "number" then
      core.refuse(("bad argument #%d to 'write' (string expected, got %s)"):format(i, type(part)))
    end
    parts[i] = part
  end
  if self.reader then
    return nil, "Bad file descriptor", EBADF
  end
  local is_written, message, code = core.pipe_write(self.number, table.concat(parts))
  if not is_written then
    return nil, message, code
  end
  return self
end

function Pipe:flush()
  return check_open(self, "flush")
end

function Pipe:setvbuf()
  check_open(self, "setvbuf")
  return true
end

function Pipe:seek()
  check_open(self, "seek")
  return nil, "Illegal seek", ESPIPE
end

--- Closes the pipe and waits for the end of the command.
function Pipe:close()
  check_open(self, "close")
  local code, signal, errno = core.pipe_close(self.number)
  self.number = nil
  if not code then
    return nil, signal, errno -- message and errno
  end
  return M.how_it_ended(code, signal)
end

local META = {
  __index = Pipe,
  __metatable = "FILE*",
  __name = "FILE*",
  __tostring = function(self)
    return self.number and ("file (pipe %d)"):format(self.number) or "file (closed)"
  end,
  __close = function(self)
    if self.number then
      self:close()
    end
  end,
}

--- The file over a pipe that was opened.
---@param number integer
---@param is_written boolean
---@return taskq.Pipe
function M.new(number, is_written)
  local source = not is_written and function() return core.pipe_read(number) end
  return setmetatable({ number = number, reader = source and reader.new(source) or nil }, META)
end

return M
