--- Whatever a handler does, it is stopped in time, and the others on its thread hardly notice.

local cjson = require "cjson"
local wait = require "support.wait"
local worker = require "support.worker"

local LIMIT_S, GRACE_S = 0.1, 1 -- the handlers' time limit, and what they have to clean up
local LATE_S, DELAY_MS = 0.1, 50 -- figures that are bounded here by MANY times as much
local MANY = 5

-- What the attempt is recorded as. `within`: so many seconds after its start, needing no second
-- stop. `holds`: it is in calls that Lua cannot suspend, so the others wait for it.
local CASES = {
  ["loop"] = { kind = "timeout", within = LIMIT_S },
  ["goto"] = { kind = "timeout", within = LIMIT_S },
  ["repeat"] = { kind = "timeout", within = LIMIT_S },
  ["an iterator"] = { kind = "timeout", within = LIMIT_S },
  ["load"] = { kind = "timeout" },
  ["pcall"] = { kind = "timeout" },
  ["pcalls in pcalls"] = { kind = "timeout" },
  ["xpcall with a looping handler"] = { kind = "timeout" },
  ["nested coroutines"] = { kind = "timeout" },
  ["coroutines without end"] = { kind = "timeout" },
  ["__index"] = { kind = "timeout" },
  ["__close"] = { kind = "timeout" },
  ["table.sort"] = { kind = "timeout", holds = true },
  ["string.gsub"] = { kind = "timeout", holds = true },
  ["__tostring"] = { kind = "timeout", holds = true },
  ["a string that grows"] = { kind = "memory", holds = true }, -- for as long as it is copied
  ["string.rep"] = { kind = "memory", holds = true },
  ["table.concat"] = { kind = "memory", holds = true },
  ["a table that grows"] = { kind = "memory", holds = true }, -- for as long as it is collected
  ["recursion"] = { kind = "memory", holds = true }, -- a million calls take more than it may hold
  ["__gc"] = { kind = "error" },
}

local function names()
  local list = {}
  for name in pairs(CASES) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

describe("a handler that abuses its thread with", function()
  local queue, process

  setup(function()
    queue = worker.queue()
    process = queue:start { "--threads", "1", "--concurrency", "4" }
  end)

  teardown(function()
    worker.stop(process)
    queue:close()
  end)

  local function await_end(id)
    queue:await(30, "the end of task " .. id,
      "select finished_at is not null from taskq.worker_tasks where id = $1", id)
  end

  local function start_neighbours()
    local neighbours, started = {}, #queue:notes()
    for i = 1, 3 do
      neighbours[i] = queue:enqueue("stuck:nap", { times = 100 })
    end
    queue:await_notes(started + 3, "+")
    return neighbours
  end

  local function count_runs(id)
    local count, sign = 0, "+" .. id
    for _, note in ipairs(queue:notes()) do
      count = count + (note == sign and 1 or 0)
    end
    return count
  end

  -- How late it is stopped, or how long it held up the others: the larger, in units of the figures.
  local function lateness(name)
    local case, late = CASES[name], 0
    local neighbours = start_neighbours()
    local id = queue:enqueue(case.kind == "timeout" and "abuse" or "abuse:patiently",
      { case = name }, { max_attempts = 1 })
    await_end(id)
    local attempt = queue.db:query([[
      select kind, error, extract(epoch from finished_at - started_at)::float8 as seconds
      from taskq.task_attempts where task_id = $1]], id)[1]
    assert.equal(case.kind, attempt.kind, attempt.error)
    if case.kind == "timeout" then
      late = (attempt.seconds - (case.within or LIMIT_S + GRACE_S)) / LATE_S
    end
    for _, neighbour in ipairs(neighbours) do
      await_end(neighbour)
      local task = queue:task(neighbour)
      assert.same({ "completed", 1 }, { task.status, count_runs(neighbour) })
      if not case.holds then
        late = math.max(late, cjson.decode(task.result).worst_ms / DELAY_MS)
      end
    end
    return late
  end

  for _, name in ipairs(names()) do
    it(name, function()
      wait.assert_below(MANY * wait.factor, function() return lateness(name) end)
    end)
  end
end)
