--- A worker whose handlers change while it runs.

local uv = require "luv"
local folder = require "support.folder"
local wait = require "support.wait"
local worker = require "support.worker"

local M = {}

---@class Site
---@field queue Queue
---@field folder string  the handlers
---@field worker Process
local Site = {}
Site.__index = Site

--- A file with one handler, which returns `value` (Lua source) and notes a line before and after it
--- waits for the gate, when its payload names one.
---@param kind string
---@param value string
---@return string text
function M.handler(kind, value)
  return ([[
local taskq = require "taskq"

local function note(context, sign)
  local file <close> = assert(io.open(context.task.payload.file, "a"))
  assert(file:write(sign, "\n"))
end

local function is_open(gate)
  local file = io.open(gate)
  return file ~= nil and file:close()
end

return {
  type = "%s",
  handler = function(context)
    local gate = context.task.payload.gate
    if gate then
      note(context, "+")
      while not is_open(gate) do
        taskq.sleep(5)
      end
    end
    return %s
  end,
}
]]):format(kind, value)
end

--- A queue and a folder with these files: name -> text. The worker is started apart.
---@param files table<string, string>
---@return Site
function M.new(files)
  local self = setmetatable({ queue = worker.queue(), folder = folder.new() .. "/handlers" }, Site)
  assert(uv.fs_mkdir(self.folder, tonumber("755", 8)))
  for name, text in pairs(files) do
    self:write(name, text)
  end
  return self
end

---@param flags string[]?
---@param options TaskqOptions?
function Site:start(flags, options)
  options = options or {}
  options.handlers = self.folder
  self.worker = self.queue:start(flags, options)
end

--- Stops the worker, which must end well and not have said anything else than what is expected.
function Site:close()
  if self.worker then
    worker.stop(self.worker)
  end
  self.queue:close()
end

--- At one moment, as the worker sees it: what it reads half written it complains of.
function Site:write(name, text)
  folder.replace(self.folder .. "/" .. name, text)
end

function Site:remove(name)
  folder.remove(self.folder .. "/" .. name)
end

--- Changes several files at one moment, as the worker sees it.
---@param change fun()
function Site:at_once(change)
  self.worker:kill("sigstop")
  change()
  self.worker:kill("sigcont")
end

--- Waits until this generation is live, and returns what has changed, as the log says it.
---@param generation integer
---@return string? change
function Site:await(generation)
  local sign = ("handlers reloaded generation=%d "):format(generation)
  worker.await_log(self.worker, sign)
  local line = wait.wait_until(30, function() -- which may be seen half
    return self.worker:stderr():match(sign .. "([^\n]*)\n")
  end, "the end of a line")
  return line:match('changed="(.-)"') or line:match("changed=(%S+)")
end

--- Waits for a failure to reload.
---@param text string  of its message
function Site:await_failure(text)
  wait.wait_until(30, function()
    for line in self.worker:stderr():gmatch("handlers not reloaded[^\n]*") do
      if line:gsub('\\"', '"'):find(text, 1, true) then
        return true
      end
    end
  end, function()
    return ("%q; the log says\n%s"):format(text, self.worker:stderr())
  end)
end

--- How many lines of the log have this text.
---@param text string
---@return integer
function Site:count(text)
  local _, count = self.worker:stderr():gsub(text, "")
  return count
end

--- Runs a task of this type to its end and returns its result, as JSON.
---@param kind string
---@return string
function Site:run(kind)
  local id = self.queue:enqueue(kind)
  self.queue:await(30, "task " .. id, [[
    select status in ('completed', 'failed') from taskq.worker_tasks where id = $1]], id)
  local task = self.queue:task(id)
  assert(task.status == "completed", task.error)
  return task.result
end

return M
