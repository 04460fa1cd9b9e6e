--- Running the program under test: the binary that TASKQ_BIN names, with nothing of the user's
--- environment that could change what it does.

local uv = require "luv"
local process = require "support.process"

local M = {}

local function absolute(path)
  return path:sub(1, 1) == "/" and path or uv.cwd() .. "/" .. path
end

--- The path of the binary.
M.program = absolute(os.getenv("TASKQ_BIN") or "build/release/taskq")

---@class TaskqOptions: ProcessOptions
---@field database string?  connection string, given as DATABASE_URL
---@field timeout number?   seconds until `run` gives up

local function command(arguments)
  return table.move(arguments, 1, #arguments, 2, { M.program })
end

local function prepared(options)
  local copy = {}
  for name, value in pairs(options or {}) do
    copy[name] = value
  end
  copy.env = { DATABASE_URL = copy.database }
  for name, value in pairs(options and options.env or {}) do
    copy.env[name] = value
  end
  return copy
end

--- Starts `taskq arguments...`, a worker for instance.
---@param arguments string[]
---@param options TaskqOptions?
---@return Process
function M.start(arguments, options)
  return process.start(command(arguments), prepared(options))
end

--- Runs `taskq arguments...` to its end.
---@param arguments string[]
---@param options TaskqOptions?
---@return { code: integer?, signal: integer?, out: string, err: string }
function M.run(arguments, options)
  return process.run(command(arguments), prepared(options))
end

return M
