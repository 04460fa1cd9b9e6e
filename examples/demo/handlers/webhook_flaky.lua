--- "webhook:flaky": stands for the endpoint of a partner who is not always there.
---
--- payload: { url, event, failures, is_gone? }. The first `failures` attempts fail and are repeated
--- after 300 ms; an endpoint that is gone is given up at once.

local taskq = require "taskq"

local RESPONSE_MS = 20

return {
  type = "webhook:flaky",
  backoff = { kind = "fixed", base = 300, jitter = 0 },
  handler = function(context)
    local payload = context.task.payload
    taskq.sleep(RESPONSE_MS)
    if payload.is_gone then
      return { success = false, error = payload.url .. ": 410 Gone", discard = true }
    elseif context.task.attempt <= payload.failures then
      return { success = false, error = payload.url .. ": 503 Service Unavailable" }
    end
    return { status = 200, attempts = context.task.attempt }
  end,
}
