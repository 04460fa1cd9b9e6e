--- The `taskq` that handlers require in a test: the same names as the worker's, nothing behind them
--- but the world of the test.

local blame = require "taskq.testing.blame"
local clock = require "taskq.testing.clock"
local codec = require "taskq.testing.codec"
local control = require "taskq.testing.control"
local events = require "taskq.testing.events"
local hint = require "taskq.testing.hint"
local http = require "taskq.testing.http"
local query = require "taskq.testing.query"
local sandbox = require "taskq.testing.sandbox"
local spawn = require "taskq.testing.spawn"
local stubs = require "taskq.testing.stubs"
local tasks = require "taskq.testing.tasks"
local world = require "taskq.testing.world"

local MAX_SLEEP_MS = 1e12

local M = {}

package.loaded.taskq = M

-- What the Lua parts of the real module stand on.
package.loaded["taskq.core"] = {
  fetch = http.fetch,
  hint = hint.find,
  pipe_close = spawn.pipe_close,
  pipe_open = spawn.pipe_open,
  pipe_read = spawn.pipe_read,
  pipe_write = spawn.pipe_write,
  refuse = blame.refuse,
  spawn = spawn.spawn,
  random_name = function()
    world.last_name = (world.last_name or 0) + 1
    return ("%016x"):format(world.last_name)
  end,
}
local file_arguments = require("taskq.arguments")("taskq.file.write")
local message = require "taskq.message"

M.version = "testing"
M.null = codec.null
M.json = {
  array = codec.array, decode = codec.decode,
  encode = function(value) return codec.encode(value) end,
}
M.http = require "taskq.http"
M.spawn = require "taskq.spawn"
M.on = events.on
M.cancel = control.cancel
M.retry = control.retry
M.stats = control.stats

M.log = {}
for _, level in ipairs { "debug", "info", "warn", "error" } do
  M.log[level] = function(text, fields)
    if type(text) ~= "string" and type(text) ~= "number" then
      blame.refuse_argument(1, level, "string expected, got " .. type(text))
    elseif fields ~= nil and type(fields) ~= "table" then
      blame.refuse_argument(2, level, "table expected, got " .. type(fields))
    end
    sandbox.log(level, tostring(text), fields)
  end
end

M.file = {}

--- Keeps what was written in testing.files; no file is made.
function M.file.write(path, text)
  file_arguments:need_path("path", path)
  file_arguments:need_text("text", text)
  world.files[path] = text
  return true
end

function M.now()
  return world.now + 0.0
end

function M.sleep(ms)
  if type(ms) ~= "number" then
    blame.refuse_argument(1, "sleep", "number expected, got " .. type(ms))
  elseif not (ms >= 0 and ms <= MAX_SLEEP_MS) then
    blame.refuse_argument(1, "sleep", "milliseconds, 0 or more, expected")
  end
  clock.wait("taskq.sleep", math.ceil(ms))
end

function M.mail(mail)
  message.build(mail, os.getenv("MAIL_FROM") or "taskq@localhost")
  clock.check_wait("taskq.mail")
  table.insert(world.mails, mail)
  local answer, text, code = stubs.answer("mail", mail, true, "")
  local is_error, problem, number = stubs.error_of(answer)
  if answer == nil or is_error then
    return nil, problem or text, number or code
  end
  return true, text
end

function M.query(sql, ...)
  return query.run("taskq.query", sql, ...)
end

function M.enqueue(task)
  clock.check_wait("taskq.enqueue")
  return tasks.enqueue("taskq.enqueue", task)
end

function M.enqueue_many(list)
  if type(list) ~= "table" then
    blame.refuse_argument(1, "enqueue_many", "table expected, got " .. type(list))
  elseif #list == 0 and next(list) ~= nil then
    blame.raise("taskq.enqueue_many: a list of tasks expected, such as "
      .. '{ { type = "email:send" } }')
  end
  clock.check_wait("taskq.enqueue_many")
  for i, task in ipairs(list) do -- all are looked at before the first one is there
    tasks.make(("taskq.enqueue_many: task %d"):format(i), task)
  end
  for _, task in ipairs(list) do
    tasks.enqueue("taskq.enqueue_many", task)
  end
  return #list
end

return M
