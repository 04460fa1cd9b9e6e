--- Temporary folders, all inside one folder a run, which goes when the run ends. It lies in /tmp
--- and not in the build folder: a PostgreSQL that does not run as root must reach it, and the path
--- of a Unix socket must be short.

local uv = require "luv"

local M = {}

local root

--- The folder of this run.
---@return string
function M.root()
  if not root then
    root = assert(uv.fs_mkdtemp((os.getenv("TMPDIR") or "/tmp") .. "/taskq-spec-XXXXXX"))
    assert(uv.fs_chmod(root, tonumber("755", 8)))
  end
  return root
end

--- A new empty folder.
---@return string path
function M.new()
  local path = assert(uv.fs_mkdtemp(M.root() .. "/XXXXXX"))
  assert(uv.fs_chmod(path, tonumber("755", 8)))
  return path
end

local function make_parents(path)
  for at in path:gmatch("()/") do
    uv.fs_mkdir(path:sub(1, at - 1), tonumber("755", 8)) -- most of them are there already
  end
end

--- Writes a file, making the folders that lead to it.
---@param path string
---@param text string
function M.write(path, text)
  make_parents(path)
  local file <close> = assert(io.open(path, "w"))
  assert(file:write(text))
end

--- Writes a file that nobody sees half written.
---@param path string
---@param text string
function M.replace(path, text)
  local whole = M.new() .. "/whole"
  M.write(whole, text)
  make_parents(path)
  assert(uv.fs_rename(whole, path))
end

---@param path string
---@return string
function M.read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

-- Others may remove the same, or leave something more, as long as they have not ended.
local function is_gone(done, message, code)
  assert(done or code == "ENOENT" or code == "ENOTEMPTY", message)
  return code ~= "ENOTEMPTY"
end

--- Removes a file, or a folder with everything in it.
---@param path string
function M.remove(path)
  repeat
    local entries = uv.fs_scandir(path)
    if not entries then
      os.remove(path)
      return
    end
    for name, kind in uv.fs_scandir_next, entries do
      local child = path .. "/" .. name
      if kind == "directory" then
        M.remove(child)
      else
        is_gone(uv.fs_unlink(child))
      end
    end
  until is_gone(uv.fs_rmdir(path))
end

--- Removes the folder of this run.
function M.remove_all()
  if root then
    M.remove(root)
    root = nil
  end
end

return M
