--- Files whose top level does not come back from a call into C: a reading of them cannot be ended,
--- yet keeps neither tasks nor the worker's end waiting. And readings that only take long.

local uv = require "luv"
local database = require "support.database"
local folder = require "support.folder"
local proxy = require "support.proxy"
local site = require "support.site"
local wait = require "support.wait"
local worker = require "support.worker"

local UNIT = os.getenv("TASKQ_UNIT") or "build/release/taskq-unit"
local STUCK = "the top level of a file is in a call into C that does not return"
local LEAVING = "leaving while the top level of a file is in a call into C"
local TIMEOUT = 6

describe("a reading", function()
  local place

  before_each(function()
    place = site.new { ["a.lua"] = site.handler("a", "'one'"), ["lib/README"] = "" }
    assert(uv.fs_copyfile((UNIT:gsub("[^/]*$", "blocking.so")), place.folder .. "/lib/blocking.so"))
  end)

  after_each(function() place:close() end)

  local function start(flags, options)
    place:start(table.move(flags or {}, 1, #(flags or {}), 3, { "--allow-c-module", "blocking" }),
      options)
  end

  -- Has a file read whose top level makes this call, and waits until it is about to.
  local function read(call)
    local mark = folder.new() .. "/mark"
    place:write("b.lua", ([[
      assert(io.open(%q, "w")):close()
      require("blocking").%s
      return { type = "b", handler = print }]]):format(mark, call))
    wait.wait_until(30, function() return uv.fs_stat(mark) end, "the file to be read")
  end

  local function read_for_ever()
    read(("until_exists(%q)"):format(folder.new() .. "/never"))
  end

  -- The worker ends, with this exit code.
  local function await_end(code)
    assert.equal(code, place.worker:wait(), place.worker:stderr())
    place.worker = nil
  end

  it("that is in a call into C is told of, and keeps neither tasks nor the end waiting", function()
    start()

    read_for_ever()
    place:await_failure(STUCK)

    assert.equal('"one"', place:run("a"))
    assert.equal(1, place:count("handlers not reloaded"))
    place.worker:kill("sigterm")
    worker.await_log(place.worker, LEAVING)
    await_end(0)
  end)

  it("that is in a call into C does not keep the worker from starting again", function()
    place:write("hold.lua", ([[
      return {
        type = "hold",
        max_attempts = 1,
        handler = function() require("blocking").until_exists(%q) end,
      }]]):format(folder.new() .. "/never"))
    start { "--stuck-after", "200ms", "--threads", "3", "--concurrency", "3" }

    read_for_ever()
    place:remove("b.lua") -- the next image is not to read it
    place.queue:fill(9, "hold")
    wait.wait_until(30, function()
      assert(place.worker:is_running(), place.worker:stderr())
      return place:count("worker registered ") == 2
    end, "a second registration")

    assert.equal(1, place:count(LEAVING))
    assert.equal('"one"', place:run("a"))
  end)

  it("that is in a call into C does not keep a worker that gives up its tasks", function()
    start { "--shutdown-timeout", "0" }
    local id = place.queue:enqueue("a", { gate = place.queue.gate })
    place.queue:await_notes(1, "+")
    local locker <close> = database.connect(place.queue.url)
    locker:query("begin")
    locker:query("select 1 from taskq.worker_tasks where id = $1 for update", id)

    read_for_ever()
    place.worker:kill("sigterm")
    worker.await_log(place.worker, "leaving with tasks in hand")

    await_end(TIMEOUT)
  end)

  it("that loads many states is not taken for one that is stuck", function()
    start { "--threads", "20", "--concurrency", "20" }

    read("pause(400)")
    place:await(2)

    assert.equal(0, place:count("handlers not reloaded"))
  end)

  it("that loads many states ends with the worker", function()
    start { "--threads", "20", "--concurrency", "20" }

    read("pause(400)")
    local process = place.worker
    place.worker:kill("sigterm")

    await_end(0)
    assert.not_matches(LEAVING, process:stderr())
  end)

  it("that waits for a thread is not taken for one that is stuck", function()
    local middle = proxy.new(place.queue.url)
    -- One thread, and what it does takes longer than a call into C may.
    start({}, { url = middle.url .. "&connect_timeout=8", env = { UV_THREADPOOL_SIZE = "1" } })

    middle:silence()
    wait.wait_until(30, function() return middle.silenced >= 1 end, "a connection")
    place:write("b.lua", site.handler("b", "'two'"))
    wait.wait_until(30, function() return middle.silenced >= 2 end, "the next one")
    middle:allow()
    place:await(2)

    assert.equal(0, place:count("handlers not reloaded"))
    assert.equal('"two"', place:run("b"))
    worker.stop(place.worker)
    place.worker = nil
    middle:close()
  end)
end)
