--- Answers that a test prepares. A stub has a matcher and a list of answers, given one after the
--- other; the last one stays. The stub that was added last is asked first.

local world = require "taskq.testing.world"

local M = {}

--- Adds a stub.
---@param kind string "http", "spawn", "query" or "mail"
---@param matches fun(request: table): boolean
---@param ... any answers; a function is called with the request
function M.add(kind, matches, ...)
  local answers = table.pack(...)
  if answers.n == 0 then
    error(("testing.%s: an answer is missing"):format(kind), 3)
  end
  world.stubs[kind] = world.stubs[kind] or {}
  table.insert(world.stubs[kind], 1, { matches = matches, answers = answers, next = 1 })
end

--- The answer to a request; what a function of the test returns, up to three values. Without a stub
--- that matches, the default; without that, the test ends.
---@param kind string
---@param request table
---@param default any
---@param complaint string what to say
function M.answer(kind, request, default, complaint)
  for _, stub in ipairs(world.stubs[kind] or {}) do
    if stub.matches(request) then
      local answer = stub.answers[stub.next]
      stub.next = math.min(stub.next + 1, stub.answers.n)
      if type(answer) == "function" then
        return answer(request)
      end
      return answer
    end
  end
  if default ~= nil then
    return default
  end
  world.complain("%s", complaint)
end

--- Does a text match a pattern in which * stands for anything?
---@param text string
---@param glob string
---@return boolean
function M.matches_glob(text, glob)
  local pattern = glob:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*")
  return text:find("^" .. pattern .. "$") ~= nil
end

--- nil, message, code of an answer such as { error = "refused", code = 7 }; else nothing.
---@param answer any
---@return boolean is_error
---@return string? message
---@return any code
function M.error_of(answer)
  if type(answer) == "table" and answer.error ~= nil then
    return true, answer.error, answer.code
  end
  return false
end

return M
