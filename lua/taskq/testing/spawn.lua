--- What answers taskq.spawn in a test: lua/taskq/spawn.lua checks commands as in the worker, and
--- the stubs of testing.spawn stand for programs. Nothing is started.

local clock = require "taskq.testing.clock"
local stubs = require "taskq.testing.stubs"
local world = require "taskq.testing.world"

local M = {}

local SHELL = "/bin/sh"

---@class taskq.testing.Command
---@field [integer] string the program and its arguments
---@field stdin string?
---@field cwd string?
---@field env table<string, string>

--- The program of a command; of os.execute and io.popen, the first word for the shell.
local function program_of(command)
  return command[1] == SHELL and command[2] == "-c" and command[3]:match("^%s*(%S*)") or command[1]
end

--- Answers commands whose program is called so, with its folder or without; * stands for anything.
---@param program string
---@param ... any { code =, stdout =, stderr = }, { error =, code = }, or a function(command)
function M.stub(program, ...)
  stubs.add("spawn", function(command)
    local name = program_of(command)
    return stubs.matches_glob(name, program) or stubs.matches_glob(name:match("[^/]*$"), program)
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
      table.concat(command, " "), program_of(command)))
  local is_error, text, number = stubs.error_of(answer)
  if answer == nil or is_error then
    return nil, text or message, number or code
  end
  clock.wait(call.what, answer.delay or 0)
  return answer.code or 0, answer.signal or 0, answer.stdout or "", answer.stderr or ""
end

--- taskq.core.pipe_open and its kin: a command that is read has answered when it starts, one that
--- is written when it has been closed.
function M.pipe_open(command, is_written)
  local call = { what = "io.popen", argv = { SHELL, "-c", command }, env = {} }
  local pipe = { call = call, written = is_written and {} or nil }
  if not is_written then
    pipe.code, pipe.signal, pipe.output = M.spawn(call)
    if not pipe.code then
      return nil, pipe.signal, pipe.output -- message and code
    end
  end
  world.pipes = world.pipes or {}
  table.insert(world.pipes, pipe)
  return #world.pipes
end

function M.pipe_read(number)
  local pipe = world.pipes[number]
  local output = pipe.output
  pipe.output = nil
  return output ~= "" and output or nil
end

function M.pipe_write(number, text)
  table.insert(world.pipes[number].written, text)
  return true
end

function M.pipe_close(number)
  local pipe = world.pipes[number]
  if pipe.written then
    pipe.call.stdin = table.concat(pipe.written)
    return M.spawn(pipe.call)
  end
  return pipe.code, pipe.signal
end

return M
