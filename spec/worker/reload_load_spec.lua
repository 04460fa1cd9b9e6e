--- Reloads while tasks run: none is lost, none fails, none sees two generations, none is held up,
--- and nothing of the old ones is left behind.

local uv = require "luv"
local folder = require "support.folder"
local site = require "support.site"
local wait = require "support.wait"

-- A handler that tells which generation its file and its module are of, before and after a wait.
local function telling(number)
  return ([[
local taskq = require "taskq"
local before, number = require "number", %d

return {
  type = "tell",
  handler = function(context)
    if context.task.id %% 7 == 0 then
      taskq.sleep(context.task.id %% 50)
    end
    return { before, number, require "number", require "late" }
  end,
}
]]):format(number)
end

describe("reloads under load", function()
  local place

  after_each(function() place:close() end)

  -- All files at one moment, as a ConfigMap's: links lead through ..data, which is renamed over.
  local function publish(number)
    local root = place.folder
    local release = ("..release%d"):format(number)
    place:write(release .. "/tell.lua", telling(number))
    for _, name in ipairs { "number", "late" } do
      place:write(("%s/lib/%s.lua"):format(release, name), "return " .. number)
    end
    if number == 1 then
      assert(uv.fs_symlink("..data/tell.lua", root .. "/tell.lua"))
      assert(uv.fs_symlink("..data/lib", root .. "/lib"))
    end
    assert(uv.fs_symlink(release, root .. "/..data_tmp"))
    assert(uv.fs_rename(root .. "/..data_tmp", root .. "/..data"))
  end

  it("lose no task, fail none, and mix no generations", function()
    place = site.new {}
    publish(1)
    local whole = [[result is not null and (result->>0) = (result->>1)
      and (result->>1) = (result->>2) and (result->>2) = (result->>3)]]
    place.queue:fill(10000, "tell")
    place:start { "--concurrency", "40", "--threads", "2" }

    for i = 2, 51 do
      place.queue:fill(200, "tell")
      publish(i)
      place:await(i)
    end
    place.queue:await(60, "all tasks", "select pending + running = 0 from taskq.stats()")

    local found = place.queue.db:query(([[
      select count(*) filter (where status <> 'completed') as others,
        count(*) filter (where not (%s)) as mixed, count(distinct result->>0) as generations,
        count(*) as tasks, count(*) filter (where claims > 1) as repeated
      from taskq.worker_tasks]]):format(whole))[1]
    assert.same({ 0, 0 }, { found.others, found.mixed })
    assert.equal(20000, found.tasks)
    assert.is_true(found.generations > 25, found.generations)
    assert.equal(0, place.queue.db:value("select count(*) from taskq.task_attempts"))
  end)

  it("give back unharmed what they have no handler for any more", function()
    place = site.new { ["a.lua"] = site.handler("a", "'a'"), ["b.lua"] = site.handler("b", "'b'") }
    place.queue:fill(20000, "b")
    place.queue:fill(10000, "b", { gate = place.queue.gate }) -- so that some are left in any case
    place:start { "--concurrency", "20" }

    place.queue:await_count("completed", 2000)
    place:remove("b.lua")
    place:await(2)
    place.queue:open_gate()
    place.queue:await(30, "all others to be given back, with their attempts", [[
      select count(*) > 0 and max(attempts) = 0 and count(*) filter (where status = 'running') = 0
      from taskq.worker_tasks_live]])

    place:write("b.lua", site.handler("b", "'b'"))
    place.queue:await_count("completed", 30000, 60)
    place.queue:assert_completed(30000)
  end)

  it("hold up nothing when a file does not come to its end", function()
    place = site.new {
      ["beat.lua"] = [[
        local taskq = require "taskq"
        return {
          type = "beat",
          timeout = 60000,
          handler = function(context)
            local longest, last = 0, taskq.now()
            while not io.open(context.task.payload.gate) do
              taskq.sleep(5)
              local now = taskq.now()
              longest, last = math.max(longest, now - last), now
            end
            return longest
          end,
        }]],
    }
    place:start { "--threads", "1" }

    wait.assert_below(100 * wait.factor, function(try)
      local name, gate = ("endless%d.lua"):format(try), place.queue.gate .. try
      local id = place.queue:enqueue("beat", { gate = gate })
      place.queue:await_count("running", 1)
      place:write(name, "while true do end")
      place:await_failure(name .. ": its top level ran for more than 1000 ms")
      folder.write(gate, "")
      place.queue:await_count("completed", try)
      place:remove(name)
      return tonumber(place.queue:task(id).result)
    end)
  end)

  it("leave nothing behind", function()
    place = site.new {}
    local padding = ("-- %s\n"):format(("x"):rep(100)):rep(300)
    local function rewrite(i)
      place:write("a.lua", padding .. ("local data = {}\nfor i = 1, 5000 do data[i] = {} end\n")
        .. site.handler("a", ("{ #data, %d }"):format(i)))
    end
    local function resident()
      local text = folder.read(("/proc/%d/status"):format(place.worker.pid))
      return math.tointeger(text:match("VmRSS:%s*(%d+)")) // 1024
    end
    rewrite(1)
    -- A sanitizer keeps what was freed for a while; not here.
    local env = { ASAN_OPTIONS = (os.getenv("ASAN_OPTIONS") or "") .. ":quarantine_size_mb=1" }
    place:start({ "--threads", "2", "--log-level", "debug" }, { env = env })

    local before
    for i = 2, 200 do
      rewrite(i)
      place.worker:kill("sighup")
      place:await(i)
      if i % 10 == 0 then
        assert.matches("5000", place:run("a"))
      end
      before = i == 50 and resident() or before
    end

    -- 150 generations of three states with 0.6 MB each would be 270 MB.
    assert.is_true(resident() - before < 20, ("%d MB, then %d"):format(before, resident()))
    wait.wait_until(30, function()
      return place:count("a generation is unloaded") >= 2 * 199
    end, "the executors to unload 199 generations each")
  end)
end)
