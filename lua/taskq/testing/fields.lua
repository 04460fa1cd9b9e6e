--- The fields of a task that is to be enqueued, checked as src/binding/queue.c does.

local blame = require "taskq.testing.blame"
local codec = require "taskq.testing.codec"
local handler = require "taskq.testing.handler"
local hint = require "taskq.testing.hint"

local M = {}

local FIELDS = { "type", "payload", "priority", "max_attempts", "scheduled_at", "delay" }
local KNOWN = {}
for _, name in ipairs(FIELDS) do
  KNOWN[name] = true
end
local MAX_MS, MAX_TYPE_BYTES = 1e15, 200

---@class taskq.testing.Fields
---@field type string
---@field json string the payload
---@field priority integer
---@field max_attempts integer?
---@field scheduled_at number?
---@field delay number?

local function refuse(what, field, reason, value)
  blame.raise("%s: %s %s, not %s", what, field, reason, handler.shown(value))
end

local function given(task, field)
  local value = rawget(task, field)
  return value ~= codec.null and value or nil
end

local function read_integer(what, task, field, least, most)
  local value = given(task, field)
  local whole = type(value) == "number" and math.tointeger(value)
  if value ~= nil and not (whole and whole >= least and whole <= most) then
    refuse(what, field, ("must be a whole number from %d to %d"):format(least, most), value)
  end
  return whole or nil
end

local function read_ms(what, task, field, reason)
  local ms = given(task, field)
  if ms ~= nil and not (type(ms) == "number" and ms >= 0 and ms <= MAX_MS) then
    refuse(what, field, reason, ms)
  end
  return ms
end

local function check_names(what, task)
  for name in pairs(task) do
    if not KNOWN[name] then
      local shown = type(name) == "string" and name or "?"
      blame.raise("%s: unknown field \"%s\"%s", what, shown, hint.text(shown, FIELDS))
    end
  end
end

--- Reads a task; raises what is wrong with it.
---@param what string the function, for messages
---@param task any
---@return taskq.testing.Fields
function M.read(what, task)
  if type(task) ~= "table" then
    refuse(what, "a task", 'must be a table such as { type = "email:send" }', task)
  end
  check_names(what, task)
  local kind = given(task, "type")
  if type(kind) ~= "string" or kind == "" or #kind > MAX_TYPE_BYTES or kind:find("\0", 1, true) then
    refuse(what, "type", 'must be a text such as "email:send", of at most 200 bytes', kind)
  end
  local payload = rawget(task, "payload") -- any JSON: null is one
  local read = {
    type = kind,
    priority = read_integer(what, task, "priority", -32768, 32767) or 0,
    max_attempts = read_integer(what, task, "max_attempts", 1, 1000),
    scheduled_at = read_ms(what, task, "scheduled_at",
      "must be a time in milliseconds since the epoch"),
    delay = read_ms(what, task, "delay", "must be a number of milliseconds, 0 or more"),
  }
  if read.scheduled_at and read.delay then
    blame.raise("%s: scheduled_at and delay exclude each other", what)
  end
  read.json = codec.encode_payload(payload == nil and {} or payload, what .. ": payload")
  return read
end

return M
