--- How long a task waits after its n-th failure; as src/base/backoff.c.

local M = {}

local GROWTH = {
  fixed = function(base) return base end,
  linear = function(base, n) return base * n end,
  exponential = function(base, n) return base * 2.0 ^ (n - 1) end,
  polynomial = function(base, n) return base + n ^ 4 * 1000 end,
}

--- The kinds of growth.
M.KINDS = { "polynomial", "exponential", "linear", "fixed" }

---@class taskq.testing.Backoff
---@field kind string
---@field base integer
---@field cap integer
---@field jitter number

---@return taskq.testing.Backoff
function M.default()
  return { kind = "polynomial", base = 5000, cap = 6 * 3600 * 1000, jitter = 0.1 }
end

--- Milliseconds; `unit` is the random number from 0 to 1 that the jitter is multiplied by.
---@param backoff taskq.testing.Backoff
---@param failures integer
---@param unit number
---@return integer
function M.delay(backoff, failures, unit)
  local delay = math.min(GROWTH[backoff.kind](backoff.base, failures), backoff.cap)
  return math.floor(delay * (1 + backoff.jitter * unit))
end

return M
