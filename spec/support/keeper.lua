--- The keepers of private PostgreSQLs, as /proc tells of them.

local uv = require "luv"
local wait = require "support.wait"

local M = {}

local function is_there(place)
  for entry in uv.fs_scandir_next, uv.fs_scandir("/proc") do
    local file <close> = entry:match("^%d+$") and io.open("/proc/" .. entry .. "/cmdline") or nil
    if file and (file:read("a") or ""):find("keeper\0" .. place, 1, true) then
      return true
    end
  end
  return false
end

--- Waits until no keeper is left for a folder, or for one below it; what is left then are files.
---@param place string
function M.await_end(place)
  wait.wait_until(60, function()
    return not is_there(place)
  end, "the end of the keeper of " .. place)
end

return M
