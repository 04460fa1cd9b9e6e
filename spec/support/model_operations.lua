--- What the randomized model does to a queue, and how often.

local cancel = require "support.model_cancel"
local enqueue = require "support.model_enqueue"

local M = {}

local WEIGHTS = {
  { "insert", 120 }, { "enqueue", 200 }, { "enqueue_many", 20 }, { "enqueue_later", 50 },
  { "enqueue_before", 20 }, { "enqueue_late", 30 }, { "settle_late", 20 },
  { "enqueue_by_command", 2 },
  { "cancel", 180 }, { "cancel_by_command", 2 }, { "retry", 120 }, { "retry_many", 5 },
  { "retry_by_command", 2 }, { "touch", 15 }, { "compact", 5 }, { "terminate", 6 },
  { "start", 8 }, { "kill", 2 }, { "freeze", 2 }, { "signal", 3 },
  { "rob", 5 },
}

for _, part in ipairs { cancel, enqueue } do
  for name, operation in pairs(part) do
    M[name] = operation
  end
end

--- Moves a row of the live partition.
function M.touch(model)
  local task = model:choose()
  if task then
    model.queue.db:query(
      [[update taskq.worker_tasks_live set payload = payload || '{"touched": true}' where id = $1]],
      task.id)
  end
end

function M.compact(model)
  model.queue.db:query("select taskq.compact_counts()")
end

function M.terminate(model)
  model.queue:terminate(model.random:one_of { "claim", "completion", "control" })
end

for _, name in ipairs { "start", "kill", "freeze", "signal", "rob" } do
  M[name] = function(model) model.workers[name](model.workers) end
end

--- One operation.
---@param model Model
function M.perform(model)
  M[model.random:weighted(WEIGHTS)](model)
end

--- Ends what is open.
---@param model Model
function M.finish(model)
  M.settle_late(model)
end

return M
