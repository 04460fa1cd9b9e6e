--- Child processes: started with arguments, environment, folder and input; their output goes to
--- files. The helper ends those that still run after each spec file, whatever became of its specs.

local uv = require "luv"
local folder = require "support.folder"
local wait = require "support.wait"

local M = {}

---@class Process
---@field pid integer
---@field code integer?    exit status, once it has ended by itself
---@field signal integer?  signal number, once it was ended by one
local Process = {}
Process.__index = Process

local running = {} -- [process] = true
local crashed = {} -- processes that ended as no program should
local count = 0

-- The exit code that scripts/test gives to sanitizers, and the signals of a crash.
local SANITIZER_CODE = 99
local CRASH_SIGNALS = { [4] = true, [6] = true, [7] = true, [8] = true, [11] = true }

-- What the machine or the user has set must not reach the programs under test.
local HIDDEN = { "^PG", "^DATABASE_URL$", "^JOB_", "^TASKQ_" }

local function is_hidden(name)
  for _, pattern in ipairs(HIDDEN) do
    if name:find(pattern) then
      return true
    end
  end
  return false
end

local function environment(changes)
  local list = {}
  for name, value in pairs(uv.os_environ()) do
    if changes[name] == nil and not is_hidden(name) then
      list[#list + 1] = name .. "=" .. value
    end
  end
  for name, value in pairs(changes) do
    if value then
      list[#list + 1] = name .. "=" .. value
    end
  end
  return list
end

local function open(path, mode)
  return assert(uv.fs_open(path, mode, tonumber("644", 8)))
end

---@class ProcessOptions
---@field env table<string, string | false>?  changes to the environment; false removes
---@field cwd string?
---@field stdin string?      text that it reads; nothing when absent
---@field uid integer?
---@field gid integer?
---@field keep boolean?      survives the end of the spec file (the shared PostgreSQL)
---@field stop_signal string?  what ends it at the end, sigkill unless said

--- Starts a program: `start({ "taskq", "worker" }, { cwd = ... })`.
---@param command string[]
---@param options ProcessOptions?
---@return Process
function M.start(command, options)
  options = options or {}
  count = count + 1
  local base = ("%s/process-%d"):format(folder.root(), count)
  local self = setmetatable({ command = command, options = options, base = base }, Process)
  folder.write(base .. ".in", options.stdin or "")
  local files = { open(base .. ".in", "r"), open(base .. ".out", "a"), open(base .. ".err", "a") }
  self.handle, self.pid = uv.spawn(command[1], {
    args = table.move(command, 2, #command, 1, {}),
    env = environment(options.env or {}),
    cwd = options.cwd,
    uid = options.uid,
    gid = options.gid,
    stdio = files,
  }, function(code, signal)
    self:on_exit(code, signal)
  end)
  for _, file in ipairs(files) do
    assert(uv.fs_close(file))
  end
  if not self.handle then
    error(("cannot start %s: %s"):format(command[1], self.pid), 2)
  end
  running[self] = true
  return self
end

--- Runs a program to its end.
---@param command string[]
---@param options ProcessOptions | { timeout: number? } | nil
---@return { code: integer?, signal: integer?, out: string, err: string }
function M.run(command, options)
  local process = M.start(command, options)
  process:wait(options and options.timeout)
  return {
    code = process.code,
    signal = process.signal,
    out = process:stdout(),
    err = process:stderr(),
  }
end

function Process:on_exit(code, signal)
  if signal ~= 0 then
    self.signal = signal
  else
    self.code = code
  end
  if code == SANITIZER_CODE or CRASH_SIGNALS[signal] then
    crashed[#crashed + 1] = self
  end
  running[self] = nil
  self.handle:close()
end

---@return boolean
function Process:is_running()
  uv.run("nowait")
  return running[self] ~= nil
end

--- Everything that it has written so far.
---@return string
function Process:stdout()
  return folder.read(self.base .. ".out")
end

---@return string
function Process:stderr()
  return folder.read(self.base .. ".err")
end

--- Sends a signal ("sigterm", "sigkill", ...); nothing happens when it has ended.
---@param signal string
function Process:kill(signal)
  if self:is_running() then
    self.handle:kill(signal)
  end
end

--- Waits for its end.
---@param timeout_s number?  30 unless said
---@return integer? code
---@return integer? signal
function Process:wait(timeout_s)
  wait.wait_until(timeout_s or 30, function()
    return not self:is_running()
  end, function()
    local text = "the end of %s; it wrote\n%s%s"
    return text:format(table.concat(self.command, " "), self:stdout(), self:stderr())
  end)
  return self.code, self.signal
end

--- What the processes wrote that crashed since the last call, also where no spec looked at them.
---@return string[]
function M.take_crashes()
  local texts = {}
  for _, process in ipairs(crashed) do
    local how = process.signal and "signal " .. process.signal or "a sanitizer's report"
    local text = "%s ended by %s; it wrote\n%s"
    texts[#texts + 1] = text:format(table.concat(process.command, " "), how, process:stderr())
  end
  crashed = {}
  return texts
end

--- Ends every process that still runs, except those to keep unless `all`.
---@param all boolean?
function M.stop_all(all)
  local ending = {}
  for process in pairs(running) do
    if all or not process.options.keep then
      ending[#ending + 1] = process
    end
  end
  for _, process in ipairs(ending) do
    process:kill(process.options.stop_signal or "sigkill")
  end
  for _, process in ipairs(ending) do
    process:wait()
  end
end

return M
