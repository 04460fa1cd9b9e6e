--- The randomized model: random operations on a queue that real workers work on, and what may
--- become of each task because of them. The same seed gives the same operations in the same order;
--- what the workers do meanwhile is up to them.
---
---     model.lua             what is known of each task, and the course of a run
---     model_operations.lua  what is done: model_enqueue.lua, model_cancel.lua
---     model_workers.lua     to whom
---     model_judge.lua       what must be true, meanwhile and in the end

local judge = require "support.model_judge"
local operations = require "support.model_operations"
local random = require "support.model_random"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"
local workers = require "support.model_workers"

local M = {}

local CHECK_EVERY = 250   -- operations
local MOST_BACKLOG = 150  -- due tasks: then the workers catch up
local BACKLOG_EVERY = 20  -- operations
local SECONDS_TO_CATCH_UP = 30

local REPORT = [[
task %d: %s
  steps: %s
  operations: %s
  runs: %s
  row: %s
  attempts: %s]]

---@class ModelTask
---@field id integer
---@field type string
---@field steps string[]
---@field is_late boolean?       its transaction has not ended yet
---@field is_rolled_back boolean?
---@field cancel string?         what the last accepted cancel said, since the last retry
---@field reset_claims integer   claims when its attempts were forgotten
---@field claims integer         as last seen
---@field final string?          the status it was last seen to have ended with
---@field history string[]

---@class Model
---@field random Random
---@field queue Queue
---@field workers ModelWorkers
---@field tasks ModelTask[]
---@field by_id table<integer, ModelTask>
---@field done integer  operations
local Model = {}
Model.__index = Model

---@param seed integer
---@return Model
function M.new(seed)
  local self = setmetatable({
    random = random.new(seed),
    spare = random.new(seed + 2), -- for what a replay may do otherwise
    queue = worker.queue(), tasks = {}, by_id = {}, done = 0, events = {},
  }, Model)
  self.workers = workers.new(self.queue, random.new(seed + 1), function(text)
    self.events[#self.events + 1] = ("#%d %s"):format(self.done, text)
  end)
  return self
end

--- A task that was enqueued.
---@param id integer
---@param facts { type: string, steps: string[], is_late: boolean? }
---@return ModelTask
function Model:add(id, facts)
  local task = {
    id = id, type = facts.type, steps = facts.steps, is_late = facts.is_late,
    reset_claims = 0, claims = 0, history = {},
  }
  self.tasks[#self.tasks + 1] = task
  self.by_id[id] = task
  self:note(task, "enqueued as " .. facts.type)
  return task
end

---@param task ModelTask
---@param text string
function Model:note(task, text)
  task.history[#task.history + 1] = ("#%d %s"):format(self.done, text)
end

--- Raises what is wrong with a task, with its whole history.
---@param task ModelTask
---@param text string
function Model:fail(task, text)
  pcall(self.queue.db.query, self.queue.db, "rollback")
  error(REPORT:format(
    task.id, text, table.concat(task.steps, " "), table.concat(task.history, "; "),
    table.concat(judge.runs_of(self, task.id), "; "), judge.row_of(self, task.id),
    judge.attempts_of(self, task.id)), 0)
end

--- Mostly a young task, which may be in any state; nil when its transaction is open.
---@return ModelTask?
function Model:choose()
  local count = #self.tasks
  local span = self.random:chance(70) and 40 or count
  local index = count - self.random:between(0, span > 0 and span - 1 or 0)
  local task = self.tasks[index > 0 and index or 1]
  return task and not task.is_late and task or nil
end

--- What a command prints, which ends with one of these codes.
---@param arguments string[]
---@param codes table<integer, boolean>
---@return string
function Model:command(arguments, codes)
  local result = taskq.run(arguments, { database = self.queue.url })
  assert(codes[result.code], result.err)
  return result.out
end

local function backlog(self)
  return self.queue.db:value([[
    select count(*) from taskq.worker_tasks_live
    where status = 'pending' and scheduled_at <= now()]])
end

-- Lets the workers catch up, so that what is done next meets tasks in every state.
local function catch_up(self)
  wait.wait_until(SECONDS_TO_CATCH_UP, function()
    self.workers:tick(1)
    if not self.workers:is_any_at_work() then
      self.workers:start(self.spare)
    end
    return backlog(self) <= MOST_BACKLOG
  end, "the workers to catch up")
end

--- Does so many operations.
---@param count integer
function Model:run(count)
  for i = 1, count do
    self.done = self.done + 1
    operations.perform(self)
    self.workers:tick(1)
    if i % BACKLOG_EVERY == 0 then
      catch_up(self)
    end
    if i % CHECK_EVERY == 0 then
      judge.check(self)
    end
  end
end

--- Lets everything come to its end, and judges all.
function Model:finish()
  operations.finish(self)
  self.workers:stop()
  self.workers:drain()
  judge.check(self)
  judge.check_ends(self)
end

function Model:close()
  if self.late then
    self.late:close()
  end
  self.queue:close()
end

return M
