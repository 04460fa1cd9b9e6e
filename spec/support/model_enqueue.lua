--- How the randomized model enqueues.

local cjson = require "cjson"
local database = require "support.database"

local M = {}

local TYPES = { "model:three", "model:three", "model:six", "model:one" }
local STEPS = {
  { "ok", 60 }, { "brief", 40 }, { "slow", 4 }, { "compute", 4 }, { "polite", 4 }, { "raise", 30 },
  { "fail", 20 }, { "fail_later", 8 }, { "discard", 8 }, { "snooze", 12 }, { "endless", 1 },
  { "loop", 1 },
}

local function new_task(model)
  local random, steps = model.random, {}
  for i = 1, random:between(1, 6) do
    steps[i] = random:weighted(STEPS)
  end
  return {
    type = random:one_of(TYPES),
    steps = steps,
    priority = random:between(-1, 1),
    max_attempts = random:chance(30) and random:between(1, 5) or nil,
  }
end

local function payload_of(model, task)
  return { file = model.queue.file, steps = task.steps }
end

local function enqueue_at(model, at)
  local task = new_task(model)
  local sql = ("select taskq.enqueue($1, $2, $3, $4, %s)"):format(at)
  local id = model.queue.db:value(sql, task.type, cjson.encode(payload_of(model, task)),
    task.priority, task.max_attempts)
  model:add(id, task)
end

local INSERT = [[
  insert into taskq.worker_tasks (type, payload, priority, max_attempts%s)
  values ($1, $2, $3, $4%s) returning id]]

local function insert(connection, model, task, column, value)
  local id = connection:value(INSERT:format(column or "", value or ""), task.type,
    cjson.encode(payload_of(model, task)), task.priority, task.max_attempts)
  return model:add(id, task)
end

function M.insert(model)
  insert(model.queue.db, model, new_task(model))
end

function M.enqueue(model)
  enqueue_at(model, "null")
end

function M.enqueue_later(model)
  enqueue_at(model, ("now() + interval '%d ms'"):format(model.random:between(1, 2000)))
end

--- Behind every cursor.
function M.enqueue_before(model)
  insert(model.queue.db, model, new_task(model), ", scheduled_at",
    (", now() - interval '%d s'"):format(model.random:between(0, 3600)))
end

function M.enqueue_many(model)
  local tasks, list, db = {}, {}, model.queue.db
  for i = 1, model.random:between(2, 20) do
    tasks[i] = new_task(model)
    list[i] = { type = tasks[i].type, payload = payload_of(model, tasks[i]),
      priority = tasks[i].priority, max_attempts = tasks[i].max_attempts }
  end
  -- A session's ids grow, so they are in the order of the list.
  local first = db:value("select nextval('taskq.task_id')")
  assert(db:value("select taskq.enqueue_many($1)", cjson.encode(list)) == #list)
  local last = db:value("select nextval('taskq.task_id')")
  local rows = db:query(
    "select id from taskq.worker_tasks where id > $1 and id < $2 order by id", first, last)
  local index = 0
  for _, row in ipairs(rows) do
    if not model.by_id[row.id] then
      index = index + 1
      model:add(row.id, tasks[index])
    end
  end
  assert(index == #list, ("enqueue_many: %d of %d tasks are there"):format(index, #list))
end

function M.enqueue_by_command(model)
  local task = new_task(model)
  local arguments = { "enqueue", task.type, cjson.encode(payload_of(model, task)),
    "--priority=" .. task.priority }
  if task.max_attempts then
    arguments[#arguments + 1] = "--max-attempts=" .. task.max_attempts
  end
  model:add(math.tointeger(model:command(arguments, { [0] = true })), task)
end

-- ------------------------------------------------------------------------ transactions that last

--- In a transaction that stays open: others' tasks overtake it.
function M.enqueue_late(model)
  if not model.late then
    model.late = database.connect(model.queue.url)
    model.late:query("begin")
    model.late_tasks = {}
  end
  local task = new_task(model)
  task.is_late = true
  table.insert(model.late_tasks, insert(model.late, model, task))
end

function M.settle_late(model)
  local is_kept = model.random:chance(60)
  if not model.late then
    return
  end
  model.late:query(is_kept and "commit" or "rollback")
  for _, task in ipairs(model.late_tasks) do
    task.is_late, task.is_rolled_back = false, not is_kept
    model:note(task, is_kept and "committed" or "rolled back")
  end
  model.late:close()
  model.late = nil
end

return M
