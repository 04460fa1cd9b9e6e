--- What must be true of the randomized model's queue: at any moment, and when all is done.

local cjson = require "cjson"
local folder = require "support.folder"

local M = {}

-- How a step fails the attempt that ran it. Any may be timed out: a worker may have been frozen.
local KIND_OF = {
  raise = "error", fail = "failure", fail_later = "failure", discard = "failure",
}
local IS_ENDLESS = { endless = true, loop = true }
local MOST_STEPS = 12 -- see spec/fixtures/handlers/model/steps.lua
local EXHAUSTED = "the worker that ran the last attempt is gone"

-- ------------------------------------------------------------------------------- what happened

-- What handlers have noted, by task: lines in order, and by claims what began and how it ended.
local function read_runs(model)
  local runs = {}
  for _, line in ipairs(model.queue:notes()) do
    local sign, id, claims, text = line:match("^([+-])(%d+) (%d+) (%S+)$")
    assert(sign, "a broken note: " .. line)
    id, claims = math.tointeger(id), math.tointeger(claims)
    local task = model.by_id[id] or error("a task that nobody enqueued ran: " .. line, 0)
    runs[id] = runs[id] or { lines = {}, begun = {}, ended = {} }
    table.insert(runs[id].lines, line)
    local seen = sign == "+" and runs[id].begun or runs[id].ended
    if seen[claims] then
      model:fail(task, "a claim ran twice: " .. line)
    end
    seen[claims] = text
  end
  return runs
end

local function attempts_by_task(model)
  local found = {}
  for _, row in ipairs(model.queue.db:query([[
    select task_id, claims, attempt, kind, error from taskq.task_attempts order by claims]])) do
    found[row.task_id] = found[row.task_id] or {}
    table.insert(found[row.task_id], row)
  end
  return found
end

--- The notes of one task, for a message.
---@return string[]
function M.runs_of(model, id)
  local lines = {}
  for _, line in ipairs(model.queue:notes()) do
    if line:match("^.(%d+)") == tostring(id) then
      lines[#lines + 1] = line
    end
  end
  return lines
end

function M.row_of(model, id)
  return model.queue.db:value(
    "select to_jsonb(t) - 'payload' from taskq.worker_tasks t where id = $1", id) or "none"
end

function M.attempts_of(model, id)
  return model.queue.db:value([[
    select jsonb_agg(to_jsonb(a) - '{traceback,type,task_id}'::text[] order by claims)
    from taskq.task_attempts a where task_id = $1]], id) or "none"
end

-- ------------------------------------------------------------------------------- at any moment

local ROWS = "select id, status, claims, finished_at from taskq.worker_tasks"
local IS_FINAL = { completed = true, failed = true, cancelled = true }

--- The invariants, and that no task went back: claims never fall, and what has ended stays ended.
---@param model Model
function M.check(model)
  for _, broken in ipairs(model.queue.db:query(folder.read("spec/support/model_invariants.sql"))) do
    error(("%s (%d)"):format(broken.rule, broken.n), 0)
  end
  for _, row in ipairs(model.queue.db:query(ROWS)) do
    local task = model.by_id[row.id] or error(("task %d was never enqueued"):format(row.id), 0)
    if row.claims < task.claims then
      model:fail(task, ("claims fell from %d to %d"):format(task.claims, row.claims))
    elseif task.final and (row.status ~= task.final or row.finished_at ~= task.finished_at) then
      model:fail(task, ("it was %s at %s"):format(task.final, task.finished_at))
    end
    task.claims = row.claims
    task.final = IS_FINAL[row.status] and row.status or nil
    task.finished_at = row.finished_at
  end
end

-- --------------------------------------------------------------------------------- in the end

local function step_at(task, claims)
  return claims > MOST_STEPS and "ok" or task.steps[(claims - 1) % #task.steps + 1]
end

-- Attempts that workers have recorded are those that the steps make.
local function check_attempts(model, task, row, attempts, runs)
  local counted = row.status == "completed" and 1 or 0
  for _, attempt in ipairs(attempts) do
    local is_step = attempt.kind == "error" or attempt.kind == "failure"
    if is_step and KIND_OF[step_at(task, attempt.claims)] ~= attempt.kind
      or attempt.kind == "timeout" and not runs.begun[attempt.claims] then
      model:fail(task, ("claim %d cannot have ended by %s"):format(attempt.claims, attempt.kind))
    end
    if attempt.claims > task.reset_claims and attempt.error ~= EXHAUSTED then
      counted = counted + 1
    end
  end
  if counted ~= row.attempts then
    model:fail(task, ("%d attempts were made, the row says %d"):format(counted, row.attempts))
  end
end

local check_end = {}

function check_end.completed(model, task, row, _, runs)
  local step = runs.ended[row.claims]
  if not step or KIND_OF[step] or IS_ENDLESS[step] or step == "snooze" then
    model:fail(task, "its last claim did not succeed")
  end
  local result = cjson.decode(row.result)
  if result.claims ~= row.claims or result.attempt ~= row.attempts then
    model:fail(task, "that is not the result of its last claim")
  end
end

function check_end.failed(model, task, row, last)
  if not last or last.claims ~= row.claims then
    model:fail(task, "its last claim left no attempt")
  elseif last.error ~= row.error then
    model:fail(task, "its error is not that of its last attempt")
  end
  local is_discarded = last.kind == "failure" and step_at(task, row.claims) == "discard"
  if not is_discarded and row.attempts ~= row.max_attempts then
    model:fail(task, "it had attempts left")
  end
end

function check_end.cancelled(model, task)
  if not task.cancel then
    model:fail(task, "nobody cancelled it")
  end
end

local function check_task(model, task, row, attempts, runs)
  if task.is_rolled_back then
    if row or #runs.lines > 0 then
      model:fail(task, "it was rolled back")
    end
    return
  end
  local check = row and check_end[row.status]
  if not check then
    model:fail(task, row and "it never ended" or "it is lost")
  elseif task.cancel == "cancelled" and row.status ~= "cancelled" then
    model:fail(task, "it was cancelled")
  end
  for claims, step in pairs(runs.ended) do
    if claims > row.claims or step ~= step_at(task, claims) then
      model:fail(task, ("claim %d cannot have run %s"):format(claims, step))
    end
  end
  check_attempts(model, task, row, attempts, runs)
  check(model, task, row, attempts[#attempts], runs)
end

--- How each task ended: as its steps, its workers and the operations on it allow.
---@param model Model
function M.check_ends(model)
  local runs, attempts, rows = read_runs(model), attempts_by_task(model), {}
  for _, row in ipairs(model.queue.db:query([[
    select id, status, claims, attempts, max_attempts, error, result::text as result
    from taskq.worker_tasks]])) do
    rows[row.id] = row
  end
  for _, task in ipairs(model.tasks) do
    check_task(model, task, rows[task.id], attempts[task.id] or {},
      runs[task.id] or { lines = {}, begun = {}, ended = {} })
  end
  local errors = model.workers:unexpected_errors()
  assert(#errors == 0, "workers logged errors:\n" .. table.concat(errors, "\n"))

end

return M
