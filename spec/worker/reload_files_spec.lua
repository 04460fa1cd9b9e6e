--- The ways in which files change: what editors, deployments and accidents do to a folder.

local uv = require "luv"
local folder = require "support.folder"
local process = require "support.process"
local site = require "support.site"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

local NOBODY = 65534

describe("handlers are reloaded", function()
  local place

  before_each(function() place = site.new { ["a.lua"] = site.handler("a", "'one'") } end)
  after_each(function() place:close() end)

  local function path(name)
    return place.folder .. "/" .. name
  end

  it("after an editor's atomic save, again and again", function()
    place:start()

    for i = 2, 5 do
      folder.write(place.folder .. "/.a.lua.swp", "not Lua")
      place:write("a.lua~", site.handler("a", ("'version %d'"):format(i)))
      assert(uv.fs_rename(path("a.lua~"), path("a.lua")))
      assert.equal("a.lua", place:await(i))
      assert.equal(('"version %d"'):format(i), place:run("a"))
    end
  end)

  it("once for fifty files", function()
    place:start()

    wait.assert_below(4, function(try) -- more when the writing pauses
      local before = place:count("handlers reloaded")
      for i = 1, 50 do
        folder.write(path(("many%d_%d.lua"):format(try, i)), site.handler("many" .. try .. i, i))
      end
      place.queue:await(30, "all types",
        "select cardinality(types) = $1 from taskq.workers", 1 + 50 * try)
      assert.equal("50", place:run("many" .. try .. "50"))
      return place:count("handlers reloaded") - before
    end)
  end)

  it("when what was half written is complete", function()
    place:start()
    local text = site.handler("a", "'two'")

    local file <close> = assert(io.open(path("a.lua"), "w"))
    assert(file:write(text:sub(1, #text // 2)))
    assert(file:flush())
    place:await_failure("a.lua:")
    assert.equal('"one"', place:run("a"))
    assert(file:write(text:sub(#text // 2 + 1)))
    assert(file:flush())
    place:await(2)

    assert.equal('"two"', place:run("a"))
  end)

  it("when a file is removed", function()
    place:write("b.lua", site.handler("b", "'b'"))
    place:start()

    place:remove("a.lua")
    assert.equal("gone: a.lua", place:await(2))
  end)

  it("in subfolders that are new, and in those", function()
    place:start()

    place:write("sub/b.lua", site.handler("b", "'b'"))
    assert.equal("new: sub/b.lua", place:await(2))
    place:write("sub/deeper/c.lua", site.handler("c", "'c'"))
    assert.equal("new: sub/deeper/c.lua", place:await(3))
    place:write("sub/deeper/c.lua", site.handler("c", "'c2'"))
    assert.equal("sub/deeper/c.lua", place:await(4))

    assert.equal('"c2"', place:run("c"))
  end)

  it("when a folder is moved in, and moved away", function()
    place:start()
    local elsewhere = folder.new() .. "/billing"
    folder.write(elsewhere .. "/b.lua", site.handler("b", "'b'"))

    assert(uv.fs_rename(elsewhere, path("billing")))
    assert.equal("new: billing/b.lua", place:await(2))
    assert(uv.fs_rename(path("billing"), elsewhere))
    assert.equal("gone: billing/b.lua", place:await(3))
  end)

  it("when the folder is removed and made again", function()
    place:start()

    for i = 2, 4 do
      folder.remove(place.folder)
      place:await_failure("cannot read the folder " .. place.folder)
      assert.equal(i == 2 and '"one"' or ('"%d"'):format(i - 1), place:run("a"))
      place:write("a.lua", site.handler("a", ("'%d'"):format(i)))
      place:await(i)
    end

    assert.equal('"4"', place:run("a"))
  end)

  it("when the folder is replaced faster than anybody looks", function()
    place:start()

    local generation = 1
    for _ = 1, 3 do
      wait.assert_below(0.3 * wait.factor, function() -- it is told, and does not come to look
        generation = generation + 1
        folder.remove(place.folder)
        local made = wait.now()
        place:write("a.lua", site.handler("a", ("'%d'"):format(generation)))
        place:await(generation)
        return wait.now() - made
      end)
    end

    assert.equal(('"%d"'):format(generation), place:run("a"))
  end)

  -- As the kubelet does it: files are links to ..data/FILE, and ..data is a link that is renamed
  -- over.
  it("when a ConfigMap is swapped", function()
    local function publish(name, word)
      folder.write(path(name .. "/a.lua"), site.handler("a", "{ require 'word' }"))
      folder.write(path(name .. "/lib/word.lua"), ("return '%s'"):format(word))
      assert(uv.fs_symlink(name, path("..data_tmp")))
      assert(uv.fs_rename(path("..data_tmp"), path("..data")))
    end
    place:remove("a.lua")
    publish("..2026_01", "one")
    assert(uv.fs_symlink("..data/a.lua", path("a.lua")))
    assert(uv.fs_symlink("..data/lib", path("lib")))
    place:start()
    assert.equal('["one"]', place:run("a"))

    publish("..2026_02", "two")
    folder.remove(path("..2026_01"))
    assert.equal("lib/word.lua", place:await(2))
    assert.equal('["two"]', place:run("a"))
    publish("..2026_03", "three")
    assert.equal("lib/word.lua", place:await(3))
    assert.equal('["three"]', place:run("a"))
  end)

  it("when a link to the folder leads elsewhere", function()
    local releases = folder.new()
    for _, name in ipairs { "one", "two", "three" } do
      folder.write(("%s/%s/a.lua"):format(releases, name), site.handler("a", ("'%s'"):format(name)))
    end
    local link = releases .. "/current"
    assert(uv.fs_symlink("one", link))
    place.folder = link
    place:start()

    for i, name in ipairs { "two", "three" } do
      assert(uv.fs_symlink(name, link .. "_new"))
      assert(uv.fs_rename(link .. "_new", link))
      place:await(i + 1)
      assert.equal(('"%s"'):format(name), place:run("a"))
    end
  end)

  it("when a file can be read again", function()
    if uv.getuid() ~= 0 then
      pending("needs to start the worker as another user than the file's")
    end
    place:start({}, { uid = NOBODY, gid = NOBODY })

    place:write("b.lua", site.handler("b", "'b'"))
    place:await(2)
    assert(uv.fs_chmod(path("b.lua"), 0))
    place:await_failure("cannot open " .. path("b.lua") .. ": Permission denied")
    assert.equal('"b"', place:run("b"))
    assert(uv.fs_chmod(path("b.lua"), tonumber("644", 8)))
    worker.await_log(place.worker, "handlers are again as they are loaded")
  end)

  -- Another user who has all inotify instances that he may have.
  it("without inotify, after a look", function()
    if uv.getuid() ~= 0 then
      pending("needs to start the worker as a user without inotify")
    end
    local queue, handlers = place.queue, place.folder
    -- Another one in each run: they may be side by side.
    local user = 20000 + math.tointeger(uv.os_getpid()) % 40000
    local python = [[
import ctypes, os, sys
user = int(sys.argv[1])
os.setgid(user); os.setuid(user)
libc = ctypes.CDLL(None)
while libc.inotify_init() >= 0: pass
os.execv(sys.argv[2], sys.argv[2:])]]
    place.worker = process.start({ "/usr/bin/python3", "-c", python, tostring(user), taskq.program,
      "worker", "--handlers", handlers }, { env = { DATABASE_URL = queue.url } })
    worker.await_log(place.worker, "worker registered ")
    worker.await_log(place.worker, "cannot watch the handlers")

    place:write("a.lua", site.handler("a", "'two'"))
    place:await(2)
    place:write("sub/b.lua", site.handler("b", "'b'"))
    place:await(3)

    assert.equal('"two"', place:run("a"))
    assert.equal(1, place:count("cannot watch the handlers"))
  end)
end)
