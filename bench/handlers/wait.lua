--- A task that waits for a web server: for bench/run.

local taskq = require "taskq"

return {
  type = "wait",
  handler = function(context)
    local response = assert(taskq.http.get(context.task.payload.url))
    return response.status
  end,
}
