--- A private PostgreSQL for a run of the specs: started when first asked for, on a Unix socket only
--- and gone with the run. A spec that stops, crashes or configures its server makes one of its own.
---
--- TASKQ_PG_BIN names the folder of another server's programs: scripts/postgres-versions.

local driver = require("luasql.postgres").postgres()
local folder = require "support.folder"
local process = require "support.process"
local wait = require "support.wait"

local M = {}

---@class Cluster
---@field folder string  holds data/ and the socket
---@field is_shared boolean?  outlives the spec file
local Cluster = {}
Cluster.__index = Cluster

local PORT = 5432 -- only part of the socket's name
local SETTINGS = {
  listen_addresses = "",
  max_connections = 200,
  shared_buffers = "64MB",
  max_prepared_transactions = 10,
  autovacuum = "off", -- whenever it came, plans would change and locks be taken
  log_checkpoints = "off",
  timezone = "Asia/Kathmandu", -- far from UTC, with minutes: what relies on the server's zone fails
}
local FAST = { fsync = "off", synchronous_commit = "off", full_page_writes = "off" }

local function output_of(command)
  local pipe <close> = assert(io.popen(command))
  return (pipe:read("a"):gsub("%s+$", ""))
end

--- The folder of the server's programs: TASKQ_PG_BIN, or the newest that Debian has installed.
---@return string
function M.programs()
  local found = os.getenv("TASKQ_PG_BIN")
  if not found then
    found = output_of("ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1")
  end
  assert(found ~= "", "no PostgreSQL server is installed; scripts/install does it")
  return found
end

--- PostgreSQL refuses to run as root: then it runs as postgres, or nobody.
---@return { uid: integer?, gid: integer? }
local function server_user()
  if output_of("id -u") ~= "0" then
    return {}
  end
  for _, name in ipairs { "postgres", "nobody" } do
    local uid = output_of("id -u " .. name .. " 2>/dev/null")
    if uid ~= "" then
      return { uid = math.tointeger(uid), gid = math.tointeger(output_of("id -g " .. name)) }
    end
  end
  error("root needs a user `postgres` or `nobody` to run PostgreSQL as")
end

--- Makes a cluster; it is not started.
---@param options { durable: boolean?, settings: table<string, string>? }?
---@return Cluster
function M.new(options)
  options = options or {}
  local self = setmetatable({ folder = folder.new(), user = server_user() }, Cluster)
  self.settings = {}
  for _, part in ipairs { SETTINGS, options.durable and {} or FAST, options.settings or {} } do
    for name, value in pairs(part) do
      self.settings[name] = tostring(value)
    end
  end
  if self.user.uid then
    assert(require("luv").fs_chown(self.folder, self.user.uid, self.user.gid))
  end
  self:run_program { "initdb", "--pgdata", self.folder .. "/data", "--username", "postgres",
    "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync" }
  return self
end

--- Runs one of the server's programs to its end, as the server's user.
---@param command string[]
function Cluster:run_program(command)
  command[1] = M.programs() .. "/" .. command[1]
  local made = process.run(command,
    { uid = self.user.uid, gid = self.user.gid, cwd = self.folder, timeout = 120 })
  assert(made.code == 0, made.out .. made.err)
end

--- Starts the server and waits until it answers.
function Cluster:start()
  local command = { M.programs() .. "/postgres", "-D", self.folder .. "/data", "-k", self.folder }
  for name, value in pairs(self.settings) do
    command[#command + 1] = "-c"
    command[#command + 1] = name .. "=" .. value
  end
  self.server = process.start(command, {
    uid = self.user.uid,
    gid = self.user.gid,
    cwd = self.folder,
    keep = self.is_shared,
    stop_signal = "sigquit",
  })
  wait.wait_until(60, function()
    assert(self.server:is_running(), self.server:stderr())
    local connection = driver:connect(self:url("postgres"))
    return connection and connection:close()
  end, "PostgreSQL")
end

--- Stops the server: "fast", or "immediate", which is a crash that leaves nothing behind.
---@param mode "fast" | "immediate"
function Cluster:stop(mode)
  self.server:kill(mode == "fast" and "sigint" or "sigquit")
  self.server:wait(60)
end

--- Copies what the server has now, for lose().
function Cluster:copy()
  self:run_program { "pg_basebackup", "--pgdata", self.folder .. "/copy", "--host", self.folder,
    "--port", tostring(PORT), "--username", "postgres", "--checkpoint", "fast", "--no-sync" }
end

--- Ends the server and starts the copy in its place, as if a replica that was behind took over:
--- what was written since the copy was made is lost.
function Cluster:lose()
  self:stop("immediate")
  for _, move in ipairs { { "data", "lost" }, { "copy", "data" } } do
    assert(os.rename(self.folder .. "/" .. move[1], self.folder .. "/" .. move[2]))
  end
  self:start()
end

--- The connection string of a database.
---@param database string
---@return string
function Cluster:url(database)
  return ("postgresql://postgres@/%s?host=%s&port=%d"):format(database, self.folder, PORT)
end

local shared

--- The cluster of this run, started.
---@return Cluster
function M.shared()
  if not shared then
    shared = M.new()
    shared.is_shared = true
    shared:start()
  end
  return shared
end

return M
