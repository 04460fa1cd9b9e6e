--- context.transaction(fn): fn's statements and the completion of the task, in one commit.

local core = require "taskq.core"

return function(fn)
  local db <close>, message, code = core.begin() -- left open by an error, it is rolled back
  if not db then
    return nil, message, code
  end
  return core.commit(fn(db))
end
