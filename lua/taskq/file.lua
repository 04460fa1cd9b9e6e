--- Writing files so that a reader never sees half of one.

local arguments = require("taskq.arguments")("taskq.file.write")
local core = require "taskq.core"

---@class taskq.file
local M = {}

--- Writes a file under a hidden name beside `path`, then renames it; missing folders are made.
---@param path string
---@param text string
---@return true?
---@return string? message
---@return integer? code an errno
function M.write(path, text)
  arguments:need_path("path", path)
  arguments:need_text("text", text)
  local folder, name = path:match("^(.*/)([^/]+)$")
  folder, name = folder or "", name or path
  if folder ~= "" then
    local is_there, message, code = core.make_folder(folder)
    if not is_there then
      return nil, message, code
    end
  end
  local hidden = ("%s.%s.%s"):format(folder, name, core.random_name())
  local file, message, code = io.open(hidden, "wb")
  if not file then
    return nil, message, code
  end
  local is_done
  is_done, message, code = file:write(text)
  if is_done then
    is_done, message, code = file:close()
  else
    file:close()
  end
  if is_done then
    is_done, message, code = os.rename(hidden, path)
  end
  if is_done then
    return true
  end
  os.remove(hidden)
  return nil, message, code
end

return M
