--- How the randomized model cancels and retries.

local M = {}

-- The answer of a function, or the status that its refusal names.
local function ask(model, task, sql, ...)
  local is_fine, answer = pcall(model.queue.db.value, model.queue.db, sql, ...)
  if is_fine then
    return answer
  end
  local status = answer:match("task %d+ is (%a+)")
  if status then
    model:note(task, "refused: it is " .. status)
    return nil, status
  end
  if not (task.is_rolled_back and answer:find("there is no task", 1, true)) then
    model:fail(task, answer)
  end
end

local function take_cancel(model, task, answer)
  model:note(task, "cancel: " .. answer)
  task.cancel = answer
end

-- claims: of the row when it was put back
local function take_retry(model, task, claims, is_reset)
  model:note(task, is_reset and "retried, attempts reset" or "retried")
  task.cancel, task.final = nil, nil
  if is_reset then
    task.reset_claims = claims
  end
end

-- Whether what a refusal says fits what was known.
local function take_refusal(model, task, status)
  if task.final and status and status ~= task.final then
    model:fail(task, ("it was %s, and is %s"):format(task.final, status))
  end
end

function M.cancel(model)
  local task = model:choose()
  if not task then
    return
  end
  local answer, status = ask(model, task, "select taskq.cancel($1)", task.id)
  if answer then
    take_cancel(model, task, answer)
  else
    take_refusal(model, task, status)
  end
end

function M.retry(model)
  local task, is_reset = model:choose(), model.random:chance(40)
  if not task then
    return
  end
  local db = model.queue.db
  db:query("begin")
  local answer, status = ask(model, task, "select taskq.retry($1, $2)", task.id, is_reset)
  if answer then
    local claims = db:value("select claims from taskq.worker_tasks_live where id = $1", task.id)
    db:query("commit")
    take_retry(model, task, claims, is_reset)
  else
    db:query("rollback")
    take_refusal(model, task, status)
  end
end

-- What the action returns, all of which sees one moment. Another one when a worker drops a request
-- that the action would have dropped too.
local function at_one_moment(db, action)
  while true do
    db:query("begin isolation level repeatable read")
    local answers = table.pack(pcall(action))
    db:query(answers[1] and "commit" or "rollback")
    if answers[1] then
      return table.unpack(answers, 2, answers.n)
    end
    assert(answers[2]:find("could not serialize access due to concurrent delete", 1, true),
      answers[2])
  end
end

function M.retry_many(model)
  local db = model.queue.db
  local status, most = model.random:one_of { "failed", "cancelled" }, model.random:between(1, 20)
  local is_reset = model.random:chance(40)
  local rows, retried = at_one_moment(db, function()
    return (db:query([[
      select id, claims from taskq.worker_tasks_finished where status = $1 order by id limit $2]],
      status, most)), db:value(
      "select retried from taskq.retry_many(status => $1, reset_attempts => $2, most => $3)",
      status, is_reset, most)
  end)
  assert(retried == #rows, ("retry_many: %s of %d"):format(retried, #rows))
  for _, row in ipairs(rows) do
    take_retry(model, model.by_id[row.id], row.claims, is_reset)
  end
end

local EITHER = { [0] = true, [1] = true }

function M.cancel_by_command(model)
  local task = model:choose()
  if task then
    local answer = model:command({ "cancel", tostring(task.id) }, EITHER):match("%d+ (%a+)\n")
    if answer == "cancelled" or answer == "requested" then
      take_cancel(model, task, answer)
    end
  end
end

function M.retry_by_command(model)
  local task = model:choose()
  if task then
    local out = model:command({ "retry", tostring(task.id) }, EITHER)
    if out:match("%d+ (%a+)\n") == "retried" then
      take_retry(model, task)
    end
  end
end

return M
