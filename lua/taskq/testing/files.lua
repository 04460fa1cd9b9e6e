--- The files of the handlers' folder: finding them, running each once, and their `require`.

local blame = require "taskq.testing.blame"
local sandbox = require "taskq.testing.sandbox"
local world = require "taskq.testing.world"
local handler = require "taskq.testing.handler"

local M = {}

local PLACES = { "lib/%s.lua", "lib/%s/init.lua", "%s.lua" }
local OURS = { taskq = true, cjson = true }

local function is_file(path)
  local file = io.open(path)
  return file ~= nil and file:close() and true
end

--- The folder and the path below it of a file; a file elsewhere is in a folder of its own.
local function split(path)
  local root = world.handlers .. "/"
  if path:sub(1, #root) == root then
    return world.handlers, path:sub(#root + 1)
  end
  return path:match("^(.*)/([^/]*)$") or ".", path:match("[^/]*$")
end

local run_file

local function require_name(root, name)
  if OURS[name] or name:find("^taskq%.") or package.preload[name] then
    return require(name)
  end
  local path = name:gsub("%.", "/")
  for _, place in ipairs(PLACES) do
    local file = place:format(path)
    if is_file(root .. "/" .. file) then
      return run_file(root, file, name)
    end
  end
  if package.searchpath(name, package.path) then
    return require(name)
  end
  local library = package.searchpath(name, package.cpath)
  if library then
    blame.raise("module '%s' is written in C (%s): handlers may not load C modules", name, library)
  end
  blame.raise("module '%s' not found: there is no lib/%s.lua beside the handlers, and no such "
    .. "library in Lua's path", name, path)
end

--- Runs a file once in a generation, and returns its value.
function run_file(root, path, name)
  local file = root .. "/" .. path
  local values = world.values or {}
  world.values = values
  if values[file] == nil then
    local globals = sandbox.globals {
      require = function(module) return require_name(root, module) end,
    }
    local chunk, problem = loadfile(file, "t", sandbox.environment(globals))
    if not chunk then
      error(problem, 0)
    end
    values[file] = { is_running = true }
    local is_done, value = pcall(chunk, name, file)
    values[file] = is_done and { value = value == nil and true or value } or nil
    if not is_done then
      error(value, 0)
    end
  elseif values[file].is_running then
    error(file .. " requires itself, directly or through other modules", 0)
  end
  return values[file].value
end

--- Hidden files, and specs, are not the worker's.
local function is_read(name, path)
  return name:sub(1, 1) ~= "." and path ~= "spec" and not name:find("_spec%.lua$")
end

local function list_folder(folder, prefix, paths)
  local lfs = require "lfs" -- busted stands on it
  if not lfs.attributes(folder) then
    return paths
  end
  for name in lfs.dir(folder) do
    local path, file = prefix .. name, folder .. "/" .. name
    if is_read(name, path) and lfs.attributes(file, "mode") == "directory" then
      list_folder(file, path .. "/", paths)
    elseif is_read(name, path) and name:find("%.lua$") then
      paths[#paths + 1] = path
    end
  end
  return paths
end

local function add(found, file, value)
  for _, read in ipairs(handler.read_all(file, value)) do
    local other = found[read.type]
    if other then
      error(("%s: type: \"%s\" is already handled by %s"):format(read.where, read.type,
        other.file), 0)
    end
    found[read.type] = read
  end
end

--- The handlers by type, and the listeners in world.listeners: of the whole folder, loaded when
--- first asked for.
---@return table<string, taskq.testing.Handler>
function M.handlers()
  if world.generation then
    return world.generation
  end
  local paths, found = list_folder(world.handlers, "", {}), {}
  table.sort(paths)
  for _, path in ipairs(paths) do
    if not path:find("^lib/") and not path:find("^listeners/") then
      add(found, world.handlers .. "/" .. path, run_file(world.handlers, path, path))
    end
  end
  world.generation = found
  for _, path in ipairs(paths) do
    if path:find("^listeners/") then
      world.is_listening = true
      run_file(world.handlers, path, path)
      world.is_listening = false
    end
  end
  return found
end

--- The handlers of one file, in order.
---@param path string
---@return taskq.testing.Handler[]
function M.handlers_of(path)
  local root, below = split(path)
  return handler.read_all(path, run_file(root, below, below))
end

return M
