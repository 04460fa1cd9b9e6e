--- A queue and its workers: the real binary with the handlers of spec/fixtures/handlers/worker, and
--- what specs ask of the database.

local assert = require "luassert"
local cjson = require "cjson"
local uv = require "luv"
local database = require "support.database"
local folder = require "support.folder"
local taskq = require "support.taskq"
local wait = require "support.wait"

local M = {}

M.HANDLERS = uv.cwd() .. "/spec/fixtures/handlers/worker"

---@class Queue
---@field url string
---@field db Connection
---@field file string  where handlers note what they do
---@field gate string  handlers wait until this file exists
local Queue = {}
Queue.__index = Queue

--- A queue in a database of its own, or in the given one.
---@param url string?
---@return Queue
function M.queue(url)
  local place = folder.new()
  local self = setmetatable({ file = place .. "/notes", gate = place .. "/gate" }, Queue)
  self.url = url or database.fresh()
  self:connect()
  return self
end

--- Connects the spec, also after the server was restarted.
function Queue:connect()
  if self.db then
    self.db:close()
  end
  self.db = database.connect(self.url)
end

function Queue:close()
  self.db:close()
end

--- Arguments of a worker with these handlers.
local function arguments(flags, handlers)
  local first = { "worker", "--handlers", handlers or M.HANDLERS }
  return table.move(flags or {}, 1, #(flags or {}), 4, first)
end

--- Starts a worker and waits until it has registered.
---@param flags string[]?
---@param options TaskqOptions | { url: string?, handlers: string? } | nil
---  url: instead of the queue's own; handlers: a folder instead of M.HANDLERS
---@return Process
function Queue:start(flags, options)
  options = options or {}
  options.database = options.url or self.url
  local worker = taskq.start(arguments(flags, options.handlers), options)
  M.await_log(worker, "worker registered ")
  return worker
end

--- Runs a worker until nothing is left.
---@param flags string[]?
---@param options TaskqOptions?
---@return { code: integer?, out: string, err: string }
function Queue:drain(flags, options)
  options = options or {}
  options.database = self.url
  options.timeout = options.timeout or 60
  local list = table.move(flags or {}, 1, #(flags or {}), 2, { "--until-empty" })
  local result = taskq.run(arguments(list), options)
  assert.equal(0, result.code, result.err)
  return result
end

--- Waits until a worker has logged something, and the end of that line.
---@param worker Process
---@param text string
function M.await_log(worker, text)
  wait.wait_until(30, function()
    local is_running = worker:is_running() -- before it is read: a process logs until its end
    local log = worker:stderr()
    local _, last = log:find(text, 1, true)
    assert(last or is_running, log)
    return last and log:find("\n", last, true)
  end, function()
    return ("the log to say %q; it says\n%s"):format(text, worker:stderr())
  end)
end

--- Stops a worker as people do, and expects that it succeeds.
---@param worker Process
function M.stop(worker)
  worker:kill("sigterm")
  local code = worker:wait()
  assert.equal(0, code, worker:stderr())
end

--- How many descriptors a process has open.
---@param process Process
---@return integer
function M.count_descriptors(process)
  local count = 0
  for _ in uv.fs_scandir_next, assert(uv.fs_scandir(("/proc/%d/fd"):format(process.pid))) do
    count = count + 1
  end
  return count
end

local function payload_text(self, payload)
  if type(payload) == "string" then
    return payload
  end
  local copy = { file = self.file }
  for key, value in pairs(payload or {}) do
    copy[key] = value
  end
  return cjson.encode(copy)
end

--- Enqueues one task and returns its id. A payload that is a table gets `file`.
---@param kind string
---@param payload table | string | nil
---@param options { priority: integer?, max_attempts: integer?, at: string? }?  at: SQL
---@return integer id
function Queue:enqueue(kind, payload, options)
  options = options or {}
  return self.db:value(("select taskq.enqueue($1, $2, $3, $4, %s)"):format(options.at or "null"),
    kind, payload_text(self, payload), options.priority or 0, options.max_attempts)
end

--- Enqueues many equal tasks in one statement.
---@param count integer
---@param kind string
---@param payload table?
function Queue:fill(count, kind, payload)
  self.db:query([[
    insert into taskq.worker_tasks (type, payload) select $1, $2 from generate_series(1, $3)]],
    kind, payload_text(self, payload), count)
end

--- Lets go of the handlers that wait.
function Queue:open_gate()
  folder.write(self.gate, "")
end

--- One task.
---@param id integer
---@return table row
function Queue:task(id)
  return self.db:query([[
    select status, attempts, max_attempts, claims, error, result::text as result, worker_id,
      scheduled_at, started_at, finished_at
    from taskq.worker_tasks where id = $1]], id)[1]
end

--- How many tasks have this status.
---@param status string
---@return integer
function Queue:count(status)
  return self.db:value("select count(*) from taskq.worker_tasks where status = $1", status)
end

--- Waits until a query's only value is true.
---@param timeout_s number
---@param what string
---@param sql string
function Queue:await(timeout_s, what, sql, ...)
  local values = table.pack(...)
  wait.wait_until(timeout_s, function()
    return self.db:value(sql, table.unpack(values, 1, values.n))
  end, what)
end

--- Waits until at least so many tasks have this status.
---@param status string
---@param count integer
---@param timeout_s number?
function Queue:await_count(status, count, timeout_s)
  self:await(timeout_s or 30, ("%d tasks that are %s"):format(count, status),
    "select count(*) >= $1 from taskq.worker_tasks where status = $2", count, status)
end

--- The lines that handlers have written. One that crosses a page of the file may be seen half.
---@return string[]
function Queue:notes()
  local lines = {}
  local file <close> = io.open(self.file)
  for line in (file and file:read("a") or ""):gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

--- Waits until handlers have written at least so many lines that begin with `sign`.
---@param count integer
---@param sign string
function Queue:await_notes(count, sign)
  wait.wait_until(30, function()
    local found = 0
    for _, line in ipairs(self:notes()) do
      found = found + (line:sub(1, #sign) == sign and 1 or 0)
    end
    return found >= count
  end, ("%d lines with %s"):format(count, sign))
end

--- Waits until a worker sleeps: its promise to look has lapsed, and the last look was long ago.
function Queue:await_sleep()
  self:await(30, "the worker to sleep", [[
    select bool_and(state = 'idle' and state_change < clock_timestamp() - interval '400 ms')
    from pg_stat_activity
    where datname = current_database() and application_name = 'taskq claim']])
end

--- Kills a worker, the only one that is connected. What it had sent is done, and its lease is over.
---@param process Process
function Queue:kill(process)
  process:kill("sigkill")
  process:wait()
  self:await_no_sessions()
  self.db:query("update taskq.workers set lease_until = clock_timestamp()")
end

--- Waits until no worker is connected: what it had sent is done when its sessions have ended.
function Queue:await_no_sessions()
  self:await(30, "the end of its sessions", [[
    select count(*) = 0 from pg_stat_activity
    where datname = current_database() and application_name like 'taskq %']])
end

--- Ends the backends of the workers' connections of one kind: "claim", "completion" or "control".
---@param kind string
---@return integer how_many
function Queue:terminate(kind)
  return self.db:value([[
    select count(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = current_database() and application_name = $1]], "taskq " .. kind)
end

--- Every one of `count` tasks has been completed, with one row, and no other is left.
---@param count integer
function Queue:assert_completed(count)
  local found = self.db:query([[
    select count(*) as rows, count(distinct id) as ids,
      count(*) filter (where status = 'completed') as completed
    from taskq.worker_tasks]])[1]
  assert.same({ rows = count, ids = count, completed = count }, found)
  assert.same({ total = count, completed = count }, self.db:query(
    "select total, completed from taskq.stats()")[1])
end

--- How many tasks from this id on were given back because a thread stood still: those that came
--- later may have overtaken them.
---@param first integer
---@return integer
function Queue:count_given_back(first)
  return self.db:value(
    "select count(*) from taskq.worker_tasks where id >= $1 and claims > attempts", first)
end

--- How often each handler run was noted to begin: the number of runs, and of tasks.
---@return integer runs
---@return integer tasks
function Queue:runs()
  local seen, runs, tasks = {}, 0, 0
  for _, line in ipairs(self:notes()) do
    local id = line:match("^%+(%d+)$")
    if id then
      runs = runs + 1
      tasks = tasks + (seen[id] and 0 or 1)
      seen[id] = true
    end
  end
  return runs, tasks
end

return M
