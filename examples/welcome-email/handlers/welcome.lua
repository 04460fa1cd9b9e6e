--- "email:welcome": greets a new user. payload: { to, name }.

local taskq = require "taskq"

local TEXT = [[
Hello %s,

it is good to have you here. Reply to this mail with any question.
]]

return {
  type = "email:welcome",
  timeout = 30000,
  max_attempts = 10,
  payload = { to = "string", name = "string" },
  backoff = { kind = "exponential", base = 100, cap = 3600 * 1000, jitter = 0.2 },
  handler = function(context)
    local user = context.task.payload
    local is_sent, message, code = taskq.mail {
      to = user.to,
      subject = "Welcome, " .. user.name,
      text = TEXT:format(user.name),
    }
    if not is_sent then
      local is_final = code >= 500 and code < 600
      return { success = false, error = message, discard = is_final }
    end
    return { attempts = context.task.attempt }
  end,
}
