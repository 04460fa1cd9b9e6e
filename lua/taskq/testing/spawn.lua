--- What answers taskq.spawn in a test: lua/taskq/spawn.lua checks commands as in the worker, and
--- the stubs of testing.spawn stand for programs. Nothing is started.

local clock = require "taskq.testing.clock"
local stubs = require "taskq.testing.stubs"
local world = require "taskq.testing.world"

local M = {}

---@class taskq.testing.Command
---@field [integer] string the program and its arguments
---@field stdin string?
---@field cwd string?
---@field env table<string, string>

--- Answers commands whose program is called so, with its folder or without; * stands for anything.
---@param program string
---@param ... any { code =, stdout =, stderr = }, { error =, code = }, or a function(command)
function M.stub(program, ...)
  stubs.add("spawn", function(command)
    return stubs.matches_glob(command[1], program)
      or stubs.matches_glob(command[1]:match("[^/]*$"), program)
  end, ...)
end

local function record(call)
  local command = table.move(call.argv, 1, #call.argv, 1, {})
  command.stdin, command.cwd, command.env = call.stdin, call.cwd, {}
  for _, line in ipairs(call.env) do
    local name, value = line:match("^([^=]*)=(.*)$")
    command.env[name] = value
  end
  table.insert(world.spawned, command)
  return command
end

--- taskq.core.spawn
---@param call table as spawn.lua makes it
function M.spawn(call)
  clock.check_wait(call.what)
  local command = record(call)
  local answer, message, code = stubs.answer("spawn", command, nil,
    ("%s: no stub answers %s; add testing.spawn(%q, { stdout = \"\" })"):format(call.what,
      table.concat(command, " "), command[1]))
  local is_error, text, number = stubs.error_of(answer)
  if answer == nil or is_error then
    return nil, text or message, number or code
  end
  clock.wait(call.what, answer.delay or 0)
  return answer.code or 0, answer.signal or 0, answer.stdout or "", answer.stderr or ""
end

return M
