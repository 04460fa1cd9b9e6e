--- Handlers that change while the worker runs: what runs ends as it began, what starts later is
--- new, and what does not load changes nothing.

local cjson = require "cjson"
local folder = require "support.folder"
local site = require "support.site"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

describe("a reload", function()
  local place

  before_each(function() place = site.new { ["a.lua"] = site.handler("a", "'one'") } end)
  after_each(function() place:close() end)

  local function types()
    return place.queue.db:value("select types::text from taskq.workers")
  end

  local function enqueue_waiting(kind)
    return place.queue:enqueue(kind, { gate = place.queue.gate })
  end

  it("has new tasks run the new handler, within 200 ms", function()
    place:start()
    assert.equal('"one"', place:run("a"))

    wait.assert_below(0.2 * wait.factor, function(try)
      local saved = wait.now() -- in place, as many editors do
      folder.write(place.folder .. "/a.lua", site.handler("a", ("'new %d'"):format(try)))
      assert.equal("a.lua", place:await(1 + try))
      local took = wait.now() - saved
      assert.equal(('"new %d"'):format(try), place:run("a"))
      return took
    end)
  end)

  it("lets running tasks end on what they began with", function()
    place:write("lib/word.lua", "return 'old'")
    place:write("lib/late.lua", "return 'old'")
    place:write("a.lua", site.handler("a", "{ require 'word', require 'late' }"):gsub(
      "^", "local _ = require 'word'\n"))
    place:start { "--threads", "2" }
    local id = enqueue_waiting("a")
    place.queue:await_notes(1, "+")

    place:at_once(function()
      place:write("lib/word.lua", "return 'new'")
      place:write("lib/late.lua", "return 'new'")
    end)
    place:await(2)
    assert.equal('["new", "new"]', place:run("a"))
    place.queue:open_gate()
    place.queue:await_count("completed", 2)

    assert.equal('["old", "old"]', place.queue:task(id).result)
  end)

  it("has a task that has not started run the new handler", function()
    place:start { "--concurrency", "1" }
    enqueue_waiting("a")
    place.queue:await_notes(1, "+")
    local id = place.queue:enqueue("a")

    place:write("a.lua", site.handler("a", "'two'"))
    place:await(2)
    place.queue:open_gate()
    place.queue:await_count("completed", 2)

    local task = place.queue:task(id)
    assert.equal('"two"', task.result)
    assert.equal(1, task.attempts)
  end)

  it("claims types that are new", function()
    place:start()
    local id = place.queue:enqueue("b")

    place:write("b.lua", site.handler("b", "'b'"))
    place.queue:await_count("completed", 1)

    assert.equal('"b"', place.queue:task(id).result)
    place.queue:await(30, "the worker's row",
      "select types = '{a,b}' from taskq.workers")
  end)

  it("leaves types that are gone in the queue, and takes them up again", function()
    place:write("b.lua", site.handler("b", "'b'"))
    place:start()
    assert.equal('"b"', place:run("b"))
    enqueue_waiting("b")
    place.queue:await_notes(1, "+")

    place:remove("b.lua")
    assert.equal("gone: b.lua", place:await(2))
    local id = place.queue:enqueue("b")
    place.queue:open_gate()
    place.queue:await_count("completed", 2) -- what ran has ended
    assert.equal('"one"', place:run("a"))
    place.queue:await(30, "the worker's row", "select types = '{a}' from taskq.workers")
    assert.same({ "pending", 0 }, { place.queue:task(id).status, place.queue:task(id).attempts })

    place:write("b.lua", site.handler("b", "'b again'"))
    place.queue:await_count("completed", 4)
    assert.equal('"b again"', place.queue:task(id).result)
  end)

  it("keeps to --task-types", function()
    place:start { "--task-types", "a*" }

    place:at_once(function()
      place:write("b.lua", site.handler("b", "'b'"))
      place:write("c.lua", site.handler("also", "'c'"))
    end)
    place:await(2)

    assert.equal('"c"', place:run("also"))
    place.queue:await(30, "the worker's row", "select types = '{a,also}' from taskq.workers")
  end)

  it("is refused when it would leave no type", function()
    place:start { "--task-types", "a*" }

    place:write("a.lua", site.handler("b", "'b'"))
    place:await_failure("--task-types matches none of the 1 handlers")

    assert.equal('"one"', place:run("a"))
  end)

  it("changes nothing when one of many files is broken", function()
    place:start()

    place:at_once(function()
      place:write("b.lua", site.handler("b", "'b'"))
      place:write("c.lua", "return {\n  type = 'c',\n  handler = function() end,,\n}\n")
    end)
    place:await_failure("c.lua:3: unexpected symbol near ','")

    assert.equal('"one"', place:run("a"))
    assert.equal("{a}", types())
    assert.equal(0, place:count("handlers reloaded"))
  end)

  it("says what is wrong once, and that it is right again", function()
    place:start { "--log-level", "debug" }

    place:write("a.lua", "return 1")
    place:await_failure("a.lua: must return a handler")
    place:write("ignored.txt", "x")
    place.worker:kill("sighup") -- reads again, and finds the same
    place:write("a.lua", "return 2 +")
    place:await_failure("a.lua:1: unexpected symbol near <eof>")
    place:write("a.lua", site.handler("a", "'one'"))
    worker.await_log(place.worker, "handlers are again as they are loaded")

    assert.equal(2, place:count("handlers not reloaded"))
    assert.equal('"one"', place:run("a"))
  end)

  it("shows what is wrong where people look, as long as it is", function()
    place:start { "--worker-id", "moody" }
    local function row()
      return place.queue.db:query([[
        select handlers_generation as generation, handlers_error as error,
          handlers_loaded_at > started_at - interval '10 s' as is_recent
        from taskq.workers]])[1]
    end
    local function stats(...)
      return taskq.run({ "stats", ... }, { database = place.queue.url }).out
    end
    assert.same({ generation = 1, is_recent = true }, row())
    assert.is_nil(stats():find("moody"))

    place:write("a.lua", "return {\n  'caf\xe9\n}")
    place.queue:await(30, "an error in the row",
      "select handlers_error is not null from taskq.workers")
    local message = place.folder .. "/a.lua:2: unfinished string near ''caf?'"
    assert.same({ generation = 1, error = message, is_recent = true }, row())
    assert.is_number(stats():find("\n  moody: " .. message, 1, true), stats())
    local failed = cjson.decode(stats("--json")).failed_reloads
    assert.same({ 1, "moody", 1, message },
      { #failed, failed[1].worker, failed[1].generation, failed[1].error })

    place:write("a.lua", site.handler("a", "'two'"))
    place.queue:await(30, "no error in the row",
      "select handlers_error is null and handlers_generation = 2 from taskq.workers")
    assert.is_nil(stats():find("moody"))
  end)

  it("is announced again under a new worker row", function()
    place:start()
    place:write("b.lua", site.handler("b", "'b'"))
    place:await(2)
    place:write("b.lua", "return")
    place:await_failure("b.lua")

    place.queue.db:query("delete from taskq.workers") -- the lease is lost

    place.queue:await(30, "the new row", [[
      select count(*) = 1 and bool_and(types = '{a,b}' and handlers_generation = 2
        and handlers_error like '%b.lua%') from taskq.workers]])
  end)

  it("is asked for by SIGHUP, also when nothing has changed", function()
    place:write("data", "first")
    place:write("a.lua", ("local data = io.open('%s/data'):read()\n"):format(place.folder)
      .. site.handler("a", "data"))
    place:start()
    assert.equal('"first"', place:run("a"))

    place:write("data", "second")
    place.worker:kill("sighup")
    assert.is_nil(place:await(2))

    assert.equal('"second"', place:run("a"))
  end)

  it("happens at SIGHUP only with --no-reload", function()
    place:start { "--no-reload" }

    place:write("a.lua", site.handler("a", "'two'"))
    assert.equal('"one"', place:run("a"))
    place.worker:kill("sighup")
    assert.equal("a.lua", place:await(2))

    assert.equal('"two"', place:run("a"))
  end)
end)
