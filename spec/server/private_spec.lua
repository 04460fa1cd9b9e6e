--- The private PostgreSQL: made when missing, up while it is used, and unimpressed by SIGKILL.

local uv = require "luv"
local cluster = require "support.cluster"
local database = require "support.database"
local folder = require "support.folder"
local private = require "support.private"
local process = require "support.process"
local wait = require "support.wait"

local SOON = { env = { TASKQ_PRIVATE_LINGER = "100ms" } }

local function exists(path)
  return uv.fs_lstat(path) ~= nil
end

local function kill(pid)
  assert(uv.kill(pid, "sigkill"))
end

--- Programs of PostgreSQL of which initdb makes half of the data, then neither goes on nor ends.
local function endless_programs()
  local real, place = cluster.programs(), folder.new()
  folder.write(place .. "/initdb", ([[
#!/bin/sh
"%s/initdb" "$@" && rm -r data.new/global && echo >half-made && exec sleep 600
]]):format(real))
  assert(uv.fs_chmod(place .. "/initdb", tonumber("755", 8)))
  assert(uv.fs_symlink(real .. "/postgres", place .. "/postgres"))
  return place
end

local function remember(conninfo)
  database.query(conninfo, "create table remembered as select 42 as answer")
end

local function recall(conninfo)
  return database.value(conninfo, "select answer from remembered")
end

describe("the private PostgreSQL", function()
  after_each(private.stop_all)

  it("is made by the first use", function()
    local path = private.path()

    local conninfo, description = private.use(path)

    assert.equal("postgres", database.value(conninfo, "select current_database()"))
    assert.matches("^private PostgreSQL %d+ in " .. path:gsub("%p", "%%%0") .. "$", description)
  end)

  it("is durable, and can be reached by its socket only", function()
    local conninfo = private.use(private.path())

    for name, value in pairs { fsync = "on", synchronous_commit = "on", listen_addresses = "",
                               TimeZone = "UTC", server_encoding = "UTF8" } do
      assert.equal(value, database.value(conninfo, "show " .. name), name)
    end
    local socket = conninfo:match("host='([^']*)'")
    assert.equal(tonumber("700", 8), uv.fs_stat(socket).mode & tonumber("777", 8))
  end)

  it("is there at once for the second use", function()
    local path = private.path()
    private.use(path)
    local server = private.server(path)

    wait.assert_below(0.1 * wait.factor, function()
      local start = wait.now()
      private.use(path)
      return wait.now() - start
    end)

    assert.equal(server, private.server(path))
  end)

  it("is made once when ten want it at once", function()
    local path, holders = private.path(), {}

    for i = 1, 10 do
      holders[i] = private.hold(path)
    end

    local conninfo = private.await(holders[1])
    for i = 2, 10 do
      assert.equal(conninfo, private.await(holders[i]))
    end
    assert.equal(1, #private.keepers(path))
  end)

  it("keeps nothing of the command open", function()
    local command = private.command("open", private.path())

    local pipe <close> = assert(io.popen(
      "TASKQ_PRIVATE_LINGER=60s " .. table.concat(command, " ") .. " 2>&1"))

    assert.matches("ready\n$", pipe:read("a")) -- which ends when nobody can write any more
    assert.equal(1, #private.keepers(command[3]))
  end)

  it("takes settings of a newer program, and leaves the user's", function()
    local path = private.path()
    private.use(path, SOON)
    private.await_end(private.keepers(path))
    local data = path .. "/server/data/"
    local fresh = folder.read(data .. "taskq.conf")
    folder.write(data .. "taskq.conf", "max_connections = 11\n")
    folder.write(data .. "postgresql.conf",
      folder.read(data .. "postgresql.conf") .. "work_mem = 7MB\n")

    local conninfo = private.use(path)

    assert.equal(fresh, folder.read(data .. "taskq.conf"))
    assert.equal("7MB", database.value(conninfo, "show work_mem"))
  end)

  it("moves with its folder", function()
    local path = private.path()
    remember((private.use(path)))
    local server = private.server(path)
    local parent = path:match("^(.*)/.taskq/pg$")
    assert(uv.fs_rename(parent, parent .. "-moved"))

    local conninfo = private.use(parent .. "-moved/.taskq/pg")

    assert.equal(42, recall(conninfo))
    assert.equal(server, private.server(parent .. "-moved/.taskq/pg"))
    assert(uv.fs_rename(parent .. "-moved", parent))
  end)

  it("bounds its log", function()
    local path = private.path()
    private.use(path, SOON)
    private.await_end(private.keepers(path))
    folder.write(path .. "/log", ("x"):rep(5 << 20))

    private.use(path, SOON)

    wait.wait_until(30, function()
      return uv.fs_stat(path .. "/log").size < 2 << 20
    end, "a shorter log")
  end)
end)

describe("the end of a private PostgreSQL", function()
  after_each(private.stop_all)

  it("comes when nobody has used it for a while", function()
    local path = private.path()
    local holder = private.hold(path, SOON)
    private.await(holder)
    local pids = private.keepers(path)
    pids[2] = private.server(path)

    holder:kill("sigkill")

    private.await_end(pids)
    assert.same({}, private.keepers(path))
    assert.is_false(exists(path .. "/server/data/postmaster.pid"))
    assert.equal(0, private.open(path, SOON).code)
  end)

  it("does not come while it is used", function()
    local path = private.path()
    local conninfo = private.await(private.hold(path, SOON))
    local server, later = private.server(path), wait.now() + 0.5

    wait.wait_until(10, function()
      return wait.now() > later
    end, "five times the time after which it would end")

    assert.equal(1, database.value(conninfo, "select 1"))
    assert.equal(server, private.server(path))
  end)

  it("comes when its folder is removed", function()
    local path = private.path()
    private.await(private.hold(path, SOON))
    local pids = private.keepers(path)
    pids[2] = private.server(path)

    os.execute("rm -rf '" .. path .. "'") -- the server may still be writing

    private.await_end(pids)
  end)

  it("comes with SIGTERM to its keeper", function()
    local path = private.path()
    private.use(path)
    local server = private.server(path)

    uv.kill(private.keepers(path)[1], "sigterm")

    private.await_end({ server })
    assert.is_false(exists(path .. "/server/data/postmaster.pid"))
  end)
end)

describe("SIGKILL", function()
  after_each(private.stop_all)

  local function victim()
    local path = private.path()
    local holder = private.hold(path)
    local conninfo = private.await(holder)
    remember(conninfo)
    return path, private.keepers(path)[1], private.server(path), holder
  end

  it("to the keeper ends the server, and the next use works", function()
    local path, keeper, server = victim()

    kill(keeper)
    private.await_end({ keeper })

    assert.equal(42, recall((private.use(path))))
    private.await_end({ server }) -- which another one would not have started before
    assert.equal(1, #private.keepers(path))
  end)

  it("to the keeper of a server that nobody uses leaves nothing behind", function()
    local _, keeper, server, holder = victim()
    holder:kill("sigkill")

    kill(keeper)

    private.await_end({ server })
  end)

  it("to the server ends the keeper, and the next use works", function()
    local path, keeper, server = victim()

    kill(server)
    private.await_end({ server })

    assert.equal(42, recall((private.use(path))))
    private.await_end({ keeper })
    assert.matches("the server was killed by signal 9", folder.read(path .. "/log"))
  end)

  it("to all of them leaves the data", function()
    local path, keeper, server, holder = victim()

    holder:kill("sigkill")
    kill(keeper)
    uv.kill(server, "sigkill")
    private.await_end({ keeper, server })

    assert.equal(42, recall((private.use(path))))
  end)

  it("to the keeper while it makes the data leaves nothing that is taken for data", function()
    local path = private.path()
    local holder = private.hold(path, { env = { TASKQ_PG_BIN = endless_programs() } })
    wait.wait_until(60, function()
      return exists(path .. "/server/half-made")
    end, "initdb")
    assert.is_true(exists(path .. "/server/data.new/PG_VERSION"))

    kill(private.keepers(path)[1])

    holder:wait()
    assert.matches("its keeper died", holder:stderr())
    assert.equal(1, database.value(private.use(path), "select 1"))
    assert.is_false(exists(path .. "/server/data.new"))
  end)

  it("leaves a file that may name another process by now", function()
    local path, keeper, server, holder = victim()
    holder:kill("sigkill")
    uv.kill(server, "sigkill")
    private.await_end({ keeper })
    local owner = uv.fs_stat(path .. "/server").uid
    local other = process.start({ "/bin/sleep", "60" }, { uid = owner })
    local name = path .. "/server/data/postmaster.pid"
    folder.write(name, (folder.read(name):gsub("^%d+", tostring(other.pid))))

    assert.equal(42, recall((private.use(path))))
  end)
end)
