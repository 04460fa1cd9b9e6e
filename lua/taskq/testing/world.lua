--- The state of a test: one table that every part reads and `reset` empties, so that what a handler
--- file has taken from `require "taskq"` stays valid.

local blame = require "taskq.testing.blame"

---@class taskq.testing.LogLine
---@field level "debug"|"info"|"warn"|"error"
---@field message string
---@field fields table<string, any>
---@field task integer? the id, when a handler wrote it

---@class taskq.testing.World
---@field now number the virtual clock, in milliseconds since the epoch
---@field handlers string the folder with the handlers
---@field worker_id string
---@field tasks taskq.testing.Task[] in order of their ids
---@field attempt taskq.testing.Attempt? the one that runs
---@field shutdown_at number? from then on handlers are told that the worker ends
---@field files table<string, string> what taskq.file.write was called with
---@field mails taskq.Mail[]
---@field logs taskq.testing.LogLine[]
---@field events taskq.Event[]
---@field complaint string? what a handler asked for that no stub answers
local M = {}

-- 2026-01-05 09:00 UTC, a Monday: the same in every run.
local START_MS = 1767603600000

--- Empties the world.
---@param options { handlers: string?, now: number?, worker_id: string? }?
function M.reset(options)
  options = options or {}
  for key, value in pairs(M) do
    if type(value) ~= "function" then
      M[key] = nil
    end
  end
  M.now = options.now or START_MS
  local folder = options.handlers or os.getenv("TASKQ_HANDLERS") or "handlers"
  M.handlers = folder:gsub("(.)/+$", "%1")
  M.worker_id = options.worker_id or "testing"
  for _, name in ipairs {
    "tasks", "enqueued", "files", "mails", "requests", "spawned", "queries", "transactions", "logs",
    "events", "listeners", "stubs", "extra",
  } do
    M[name] = {}
  end
end

--- Ends the test: the handler did what no stub answers. It reaches the test whatever the handler
--- makes of the error that it sees.
---@param message string
function M.complain(message, ...)
  M.complaint = M.complaint or message:format(...)
  error(M.complaint, 0)
end

--- Raises the complaint, if there is one, in the test, with the line of the spec.
function M.raise_complaint()
  local complaint = M.complaint
  M.complaint = nil
  if complaint then
    blame.raise_in_spec(complaint)
  end
end

M.reset()

return M
