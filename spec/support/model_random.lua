--- Random choices that a seed repeats.

local M = {}

---@class Random
---@field seed integer
local Random = {}
Random.__index = Random

---@param seed integer
---@return Random
function M.new(seed)
  return setmetatable({ seed = seed, state = seed }, Random)
end

-- splitmix64: an output is a function of a counter, so nearby seeds have nothing in common.
local function next_bits(self)
  self.state = self.state + 0x9E3779B97F4A7C15
  local z = self.state
  z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
  z = (z ~ (z >> 27)) * 0x94D049BB133111EB
  return z ~ (z >> 31)
end

--- A whole number from low to high.
---@param low integer
---@param high integer
---@return integer
function Random:between(low, high)
  return low + (next_bits(self) >> 1) % (high - low + 1)
end

--- One of a list.
---@generic T
---@param list T[]
---@return T
function Random:one_of(list)
  return list[self:between(1, #list)]
end

--- Whether something happens that does `percent` times in a hundred.
---@param percent integer
---@return boolean
function Random:chance(percent)
  return self:between(1, 100) <= percent
end

--- A key of { [key] = weight }, given with its keys in order, since `pairs` has none.
---@param weights { [1]: string, [2]: integer }[]
---@return string
function Random:weighted(weights)
  local total = 0
  for _, entry in ipairs(weights) do
    total = total + entry[2]
  end
  local at = self:between(1, total)
  for _, entry in ipairs(weights) do
    at = at - entry[2]
    if at <= 0 then
      return entry[1]
    end
  end
  error("no weights")
end

return M
