--- The keepers of private PostgreSQLs, as /proc tells of them.

local uv = require "luv"
local wait = require "support.wait"

local M = {}

-- Helpers that only start one have another argument behind the folder.
local function is_keeper(text, place, is_exact)
  local _, stop = text:find("keeper\0" .. place, 1, true)
  return stop and (not is_exact or stop + 1 == #text)
end

--- The keeper of a folder.
---@param place string
---@param is_below boolean?  or of a folder below it, or somebody who is about to start one
---@return integer? pid
function M.pid(place, is_below)
  for entry in uv.fs_scandir_next, uv.fs_scandir("/proc") do
    local file <close> = entry:match("^%d+$") and io.open("/proc/" .. entry .. "/cmdline") or nil
    if file and is_keeper(file:read("a") or "", place, not is_below) then
      return math.tointeger(entry)
    end
  end
end

--- Waits until no keeper is left for a folder, or for one below it; what is left then are files.
---@param place string
function M.await_end(place)
  wait.wait_until(90, function()
    return not M.pid(place, true)
  end, "the end of the keeper of " .. place)
end

return M
