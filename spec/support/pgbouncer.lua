--- A PgBouncer before a PostgreSQL: started on a Unix socket of its own, in a pool mode.

local database = require "support.database"
local folder = require "support.folder"
local process = require "support.process"
local wait = require "support.wait"
local uv = require "luv"

local M = {}

local PROGRAM = "/usr/sbin/pgbouncer"
local PORT = 6432 -- only part of the socket's name

local CONFIGURATION = [[
[databases]
* = host=%s port=%s user=postgres

[pgbouncer]
listen_addr =
listen_port = %d
unix_socket_dir = %s
auth_type = any
pool_mode = %s
default_pool_size = %d
max_client_conn = 200
server_round_robin = 1
server_login_retry = 0.1
]]

---@class PgBouncer
---@field url string  the database's, through it
local PgBouncer = {}
PgBouncer.__index = PgBouncer

-- It refuses to run as root.
local function unprivileged()
  if uv.getuid() ~= 0 then
    return {}
  end
  local entry = assert(uv.fs_stat("/var/lib/postgresql"), "there is no user postgres")
  return { uid = entry.uid, gid = entry.gid }
end

--- Starts one and waits until it answers. Servers are handed out in turn, so that nobody gets the
--- same one twice in a row, if there are more than one.
---@param url string  of a database; names the folder of the server's socket as `host`
---@param mode "transaction" | "session"
---@param pool_size integer?
---@return PgBouncer
function M.new(url, mode, pool_size)
  local place, user = folder.new(), unprivileged()
  local host, port = url:match("host=([^&]+)"), url:match("port=(%d+)")
  folder.write(place .. "/pgbouncer.ini",
    CONFIGURATION:format(host, port, PORT, place, mode, pool_size or 8))
  if user.uid then
    assert(uv.fs_chown(place, user.uid, user.gid))
  end
  local self = setmetatable({ place = place, user = user }, PgBouncer)
  self.url = url:gsub("host=[^&]+", function() return "host=" .. place end)
    :gsub("port=%d+", "port=" .. PORT)
  self:start()
  return self
end

function PgBouncer:start()
  self.process = process.start({ PROGRAM, self.place .. "/pgbouncer.ini" },
    { uid = self.user.uid, gid = self.user.gid, cwd = self.place, stop_signal = "sigterm" })
  wait.wait_until(30, function()
    assert(self.process:is_running(), self.process:stderr())
    return pcall(database.value, self.url, "select 1")
  end, "PgBouncer")
end

--- Ends it, as a crash does.
function PgBouncer:kill()
  self.process:kill("sigkill")
  self.process:wait()
end

return M
