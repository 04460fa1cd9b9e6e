--- Private PostgreSQLs of specs: the program taskq-private uses them, /proc tells who is alive.

local uv = require "luv"
local folder = require "support.folder"
local process = require "support.process"
local wait = require "support.wait"

local M = {}

local unit = os.getenv("TASKQ_UNIT") or "build/release/taskq-unit"
local made = {} -- folders
local program

-- A copy that every user can reach, wherever the build folder is.
local function driver()
  if not program then
    program = folder.new() .. "/taskq-private"
    assert(uv.fs_copyfile((unit:gsub("[^/]*$", "taskq-private")), program))
    assert(uv.fs_chmod(program, tonumber("755", 8)))
  end
  return program
end

--- A path for a private PostgreSQL, in a new folder that belongs to `uid`, if one is given.
---@param tail string?  ".taskq/pg" unless said
---@param uid integer?
---@return string
function M.path(tail, uid)
  local parent = folder.new()
  if uid then
    assert(uv.fs_chown(parent, uid, uid))
  end
  local path = parent .. "/" .. (tail or ".taskq/pg")
  made[path] = true
  return path
end

local function options(changes)
  local copy = { env = { TASKQ_PRIVATE_LINGER = "60s" } }
  for name, value in pairs(changes or {}) do
    if name == "env" then
      for variable, text in pairs(value) do
        copy.env[variable] = text
      end
    else
      copy[name] = value
    end
  end
  return copy
end

--- The command line of one use; "open" ends at once, "hold" stays.
---@param verb "open" | "hold"
---@param path string
---@return string[]
function M.command(verb, path)
  return { driver(), verb, path }
end

--- Uses it and stops using it.
---@param path string
---@param changes ProcessOptions?
---@return { code: integer?, out: string, err: string }
function M.open(path, changes)
  local copy = options(changes)
  copy.timeout = 90 -- it gives up by itself after a minute
  return process.run(M.command("open", path), copy)
end

--- As open, and it must succeed.
---@return string conninfo
---@return string description
function M.use(path, changes)
  local result = M.open(path, changes)
  assert(result.code == 0, result.err)
  return result.out:match("([^\n]*)\n([^\n]*)\nready\n")
end

--- Begins to use it; the process ends when it is killed.
---@param path string
---@param changes ProcessOptions?
---@return Process
function M.hold(path, changes)
  return process.start(M.command("hold", path), options(changes))
end

--- Waits until the server can be used that hold() asked for.
---@param holder Process
---@return string conninfo
function M.await(holder)
  wait.wait_until(90, function()
    assert(holder:is_running(), holder:stderr())
    return holder:stdout():find("ready\n", 1, true)
  end, "a private PostgreSQL")
  return holder:stdout():match("[^\n]*")
end

local function command_line(pid)
  local file <close> = io.open("/proc/" .. pid .. "/cmdline")
  return file and file:read("a") or ""
end

--- The processes whose command line contains a text.
---@param text string  arguments are separated by "\0"
---@return integer[]
function M.find(text)
  local found = {}
  for name in uv.fs_scandir_next, assert(uv.fs_scandir("/proc")) do
    if name:find("^%d+$") and command_line(name):find(text, 1, true) then
      found[#found + 1] = math.tointeger(name)
    end
  end
  return found
end

--- The keepers of a folder; there should be one at most.
---@param path string
---@return integer[]
function M.keepers(path)
  return M.find("taskq\0keeper\0" .. (uv.fs_realpath(path) or path) .. "\0")
end

--- The process id of its server, from the server's own file.
---@param path string
---@return integer?
function M.server(path)
  local file <close> = io.open(path .. "/server/data/postmaster.pid")
  return file and file:read("n")
end

---@param pid integer
---@return boolean
function M.is_alive(pid)
  local file <close> = io.open("/proc/" .. pid .. "/stat")
  local state = (file and file:read("a") or ""):match("%) (%a)") -- it may go before it is read
  return state ~= nil and state ~= "Z" and state ~= "X"
end

--- Waits until processes are gone. A server that cannot end has a minute before it is made to.
---@param pids integer[]
function M.await_end(pids)
  wait.wait_until(90, function()
    for _, pid in ipairs(pids) do
      if M.is_alive(pid) then
        return false
      end
    end
    return true
  end, "the end of processes " .. table.concat(pids, ", "))
end

--- Ends all servers of paths that M.path() gave, and their keepers.
function M.stop_all()
  process.stop_all()
  for path in pairs(made) do
    local pids = M.keepers(path)
    pids[#pids + 1] = M.server(path)
    for _, pid in ipairs(pids) do
      uv.kill(pid, "sigint")
    end
    M.await_end(pids)
  end
  made = {}
end

return M
