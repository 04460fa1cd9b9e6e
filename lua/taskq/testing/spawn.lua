--- taskq.spawn: recorded, and answered by the stubs of testing.spawn. Nothing is started.

local clock = require "taskq.testing.clock"
local stubs = require "taskq.testing.stubs"
local world = require "taskq.testing.world"

local M = {}

local FIELDS = {
  stdin = "string", cwd = "string", env = "table", timeout = "number", max_output = "number",
}

---@class taskq.testing.Command
---@field [integer] string the program and its arguments
---@field stdin string?
---@field cwd string?
---@field env table<string, string>?

--- Answers commands whose program is called so, with its folder or without; * stands for anything.
---@param program string
---@param ... any { code =, stdout =, stderr = }, { error =, code = }, or a function(command)
function M.stub(program, ...)
  stubs.add("spawn", function(command)
    return stubs.matches_glob(command[1], program)
      or stubs.matches_glob(command[1]:match("[^/]*$"), program)
  end, ...)
end

local function check(command)
  if type(command) ~= "table" or type(command[1]) ~= "string" then
    error("taskq.spawn: a table expected, such as { \"sort\", \"-n\", stdin = text }", 0)
  end
  for name, value in pairs(command) do
    if math.type(name) == "integer" then
      if type(value) ~= "string" and type(value) ~= "number" then
        error(("taskq.spawn: argument %d: must be a string, not %s"):format(name, type(value)), 0)
      end
    elseif not FIELDS[name] then
      error(("taskq.spawn: %s: there is no such option"):format(tostring(name)), 0)
    elseif type(value) ~= FIELDS[name] then
      error(("taskq.spawn: %s: must be a %s, not %s"):format(name, FIELDS[name], type(value)), 0)
    end
  end
end

--- taskq.spawn
---@param command table
---@return table? result
---@return string? message
---@return integer? code
function M.run(command)
  check(command)
  clock.check_wait("taskq.spawn")
  local copy = {}
  for name, value in pairs(command) do
    copy[name] = math.type(name) == "integer" and tostring(value) or value
  end
  table.insert(world.spawned, copy)
  local line = table.concat(copy, " ")
  local answer, message, code = stubs.answer("spawn", copy, nil,
    ("taskq.spawn: no stub answers %s; add testing.spawn(%q, { stdout = \"\" })"):format(line,
      copy[1]))
  local is_error, text, number = stubs.error_of(answer)
  if answer == nil or is_error then
    return nil, text or message, number or code
  end
  clock.wait("taskq.spawn", answer.delay or 0)
  return {
    code = answer.code or (answer.signal == nil and 0 or nil), signal = answer.signal,
    stdout = answer.stdout or "", stderr = answer.stderr or "",
  }
end

return M
