--- Where a private PostgreSQL can live, who may run it, and what is said when it cannot.

local uv = require "luv"
local database = require "support.database"
local folder = require "support.folder"
local private = require "support.private"
local process = require "support.process"

local NOBODY = 65534

local function is_root()
  return uv.getuid() == 0
end

local function owner(path)
  return assert(uv.fs_stat(path)).uid
end

--- Runs a use of `path` in a shell that has mounts of its own.
local function open_among_mounts(mounts, path)
  local command = private.command("open", path)
  return process.run(table.move(command, 1, 3, 6, {
    "/usr/bin/unshare", "--mount", "/bin/sh", "-c", mounts .. ' && exec "$0" "$@"',
  }), { env = { TASKQ_PRIVATE_LINGER = "100ms" } })
end

local function can_mount()
  return is_root() and os.execute("unshare --mount mount -t tmpfs none /mnt 2>/dev/null")
end

describe("the place of a private PostgreSQL", function()
  after_each(private.stop_all)

  it("may have a name that needs quoting", function()
    local conninfo = private.use(private.path([[it's a \ "place", or/two/.taskq/pg]]))

    assert.equal(1, database.value(conninfo, "select 1"))
  end)

  it("may have a path too long for a socket", function()
    local path = private.path(("long/"):rep(20) .. ".taskq/pg")

    local conninfo = private.use(path)

    local socket = conninfo:match("host='([^']*)'")
    assert.matches("^/tmp/taskq%-", socket)
    assert.equal(1, database.value(conninfo, "select 1"))
    private.stop_all()
    assert.is_nil(uv.fs_stat(socket))
  end)

  it("keeps a socket outside of it when all were killed, for those who wait there", function()
    local path = private.path(("long/"):rep(20) .. ".taskq/pg")
    local first = private.use(path)
    local keeper, server = private.keepers(path)[1], private.server(path)
    uv.kill(keeper, "sigkill")
    uv.kill(server, "sigkill")
    private.await_end({ keeper, server })

    assert.equal(first, (private.use(path)))
    assert.equal(1, database.value(first, "select 1"))
  end)

  it("is elsewhere when root's server cannot reach it", function()
    if not is_root() then
      pending("needs root")
      return
    end
    local path = private.path("closed/.taskq/pg")
    local closed = path:match("^(.*)/.taskq/pg$")
    assert(uv.fs_mkdir(closed, tonumber("700", 8)))

    local conninfo, description = private.use(path)

    local home = uv.fs_realpath(path .. "/server")
    assert.matches("^/var/lib/taskq/", home)
    assert.matches("(data in " .. home .. ")", description, 1, true)
    assert.equal(path, uv.fs_readlink(home .. "/folder"))
    assert.equal(1, database.value(conninfo, "select 1"))
    private.stop_all()
    folder.remove(home)
  end)

  it("belongs to the user who runs it", function()
    if not is_root() then
      pending("needs root")
      return
    end
    local path = private.path(nil, NOBODY)

    local conninfo = private.use(path, { uid = NOBODY, gid = NOBODY })

    assert.equal(NOBODY, owner(path .. "/server/data"))
    assert.equal(1, database.value(conninfo, "select 1"))
  end)

  it("stays its owner's when root comes first", function()
    if not is_root() then
      pending("needs root")
      return
    end
    local path = private.path("pg", NOBODY)
    assert(uv.fs_mkdir(path, tonumber("755", 8)))
    assert(uv.fs_chown(path, NOBODY, NOBODY))
    local conninfo = private.use(path)

    assert.equal(conninfo, (private.use(path, { uid = NOBODY, gid = NOBODY })))
    assert.equal(NOBODY, owner(path .. "/server/data"))
  end)
end)

describe("a private PostgreSQL that cannot be", function()
  after_each(private.stop_all)

  local function refused(result, code, ...)
    assert.equal(code, result.code, result.out .. result.err)
    for _, text in ipairs { ... } do
      assert.is_truthy(result.err:find(text, 1, true), result.err)
    end
    assert.is_nil(result.err:find("\n.", 1)) -- one line
  end

  it("says that a folder is somebody else's", function()
    if not is_root() then
      pending("needs root")
      return
    end
    local path = private.path()
    private.use(path)

    refused(private.open(path, { uid = NOBODY, gid = NOBODY }), 3,
      "it belongs to user id 0, and you are 65534", "DATABASE_URL")
  end)

  it("says that a folder cannot be made", function()
    if not is_root() then
      pending("needs root")
      return
    end

    refused(private.open(private.path(), { uid = NOBODY, gid = NOBODY }), 3,
      "Permission denied", "a folder that you may write to")
  end)

  it("says that a user has no name", function()
    if not is_root() then
      pending("needs root")
      return
    end

    refused(private.open(private.path(nil, 54321), { uid = 54321, gid = 54321 }), 3,
      "user id 54321 has no entry in /etc/passwd", "DATABASE_URL")
  end)

  it("says that there is no server in TASKQ_PG_BIN", function()
    refused(private.open(private.path(), { env = { TASKQ_PG_BIN = "/nowhere" } }), 3,
      "TASKQ_PG_BIN is /nowhere, where no PostgreSQL server runs")
  end)

  it("says that no server is installed, and how to get one", function()
    if not can_mount() then
      pending("needs root, and the right to mount")
      return
    end

    refused(open_among_mounts("mount -t tmpfs none /usr/lib/postgresql", private.path()), 3,
      "apt-get install postgresql", "DATABASE_URL")
  end)

  it("says that another version wrote the data", function()
    local path = private.path()
    private.use(path)
    private.stop_all()
    folder.write(path .. "/server/data/PG_VERSION", "14\n")

    refused(private.open(path), 3, "PostgreSQL 14", "postgresql-14")
  end)

  it("says that a folder holds no data of PostgreSQL", function()
    local path = private.path()
    private.use(path)
    private.stop_all()
    assert(os.remove(path .. "/server/data/PG_VERSION"))

    refused(private.open(path), 3, "/server/data is no data folder of PostgreSQL")
  end)

  it("says that a setting of the user is wrong", function()
    local path = private.path()
    private.use(path)
    private.stop_all()
    folder.write(path .. "/server/data/postgresql.auto.conf", "shared_buffers = much\n")

    refused(private.open(path), 3, "shared_buffers")
  end)

  it("says that the disk is full, and leaves nothing on it", function()
    if not can_mount() then
      pending("needs root, and the right to mount")
      return
    end
    local path = private.path("pg")
    assert(uv.fs_mkdir(path, tonumber("755", 8)))

    local result = open_among_mounts("mount -t tmpfs -o size=24m,mode=755 none " .. path, path)

    refused(result, 3, "the disk that holds " .. path .. "/server is full", "100 MB")
  end)

  it("says that TASKQ_PRIVATE_LINGER is no duration", function()
    refused(private.open(private.path(), { env = { TASKQ_PRIVATE_LINGER = "a while" } }), 2,
      'TASKQ_PRIVATE_LINGER is "a while"')
  end)

  it("can be tried again at once", function()
    local path = private.path()
    assert.equal(3, private.open(path, { env = { TASKQ_PG_BIN = "/nowhere" } }).code)

    assert.equal(1, database.value(private.use(path), "select 1"))
  end)
end)
