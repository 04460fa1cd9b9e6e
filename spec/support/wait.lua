--- Waiting for conditions, never for time. Bounds are those of an ordinary build; under sanitizers
--- TASKQ_SPEC_SLOW multiplies them.

local uv = require "luv"

local M = {}

local POLL_MS = 5
local TRIES = 5
local LONGEST_TURN_S = 2

--- What every time bound of a spec is multiplied by.
M.factor = tonumber(os.getenv("TASKQ_SPEC_SLOW")) or 1

--- Seconds on a clock that never goes back.
---@return number
function M.now()
  return uv.hrtime() / 1e9
end

-- luv crashes at exit when a handle is still closing: let the loop finish it.
local function close(handle)
  handle:close()
  uv.run("nowait")
end

--- Runs the event loop until `condition` returns something true, and returns that. When everything
--- stood still for a while, nobody could do anything: that is not waiting.
---@generic T
---@param timeout_s number
---@param condition fun(): T?
---@param what string | fun(): string  what is waited for, for the message when it does not come
---@return T
function M.wait_until(timeout_s, condition, what)
  local bound, waited, before = timeout_s * M.factor, 0, M.now()
  local poll = uv.new_timer()
  local _ <close> = setmetatable({}, { __close = function() close(poll) end })
  poll:start(POLL_MS, POLL_MS, function() end)
  while true do
    local value = condition()
    if value then
      return value
    end
    if waited > bound then
      error(("waited %g s for %s"):format(bound, type(what) == "function" and what() or what), 2)
    end
    uv.run("once")
    local now = M.now()
    waited, before = waited + math.min(now - before, LONGEST_TURN_S), now
  end
end

--- Measures until a figure is below its bound. A busy machine makes any one late; what is slow by
--- itself is so every time.
---@param bound number
---@param measure fun(try: integer): number
function M.assert_below(bound, measure)
  local seen = {}
  for try = 1, TRIES do
    seen[try] = measure(try)
    if seen[try] < bound then
      return
    end
  end
  error(("never below %g: %s"):format(bound, table.concat(seen, ", ")), 2)
end

return M
