--- Tells somebody when a task has failed for good: a mail to ALERT_MAIL_TO, if that is set, else a
--- line in the worker's log.

local taskq = require "taskq"

local function describe(task, error)
  return ("Task %d (%s) failed after %d of %d attempts: %s"):format(task.id, task.type,
    task.attempts, task.max_attempts, error.message)
end

local function send(to, event)
  local task, failure = event.payload.task, event.payload.error
  return taskq.mail {
    to = to,
    subject = ("Task %d (%s) failed"):format(task.id, task.type),
    text = describe(task, failure) .. "\n\n" .. (failure.traceback or "No traceback.") .. "\n",
  }
end

taskq.on("worker-task:failed", function(event)
  if event.payload.will_retry then
    return
  end
  local to = os.getenv("ALERT_MAIL_TO")
  if not to then
    taskq.log.warn("alert: " .. describe(event.payload.task, event.payload.error))
    return
  end
  local is_sent, message = send(to, event)
  if not is_sent then
    taskq.log.error("the alert was not sent", { to = to, error = message })
  end
end)
