--- Which task is next: priority, time, type.

local folder = require "support.folder"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

describe("the order of tasks", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  -- The ids in the order in which they began.
  local function begun()
    local ids = {}
    for _, line in ipairs(queue:notes()) do
      ids[#ids + 1] = math.tointeger(line:match("^%+(%d+)$"))
    end
    return ids
  end

  -- `run` has tasks run, and returns their ids as they should begin, and the first one's.
  local function assert_order(run)
    wait.assert_below(1, function()
      local before = #begun()
      local expected, first = run()
      local given_back = queue:count_given_back(first)
      if given_back == 0 then
        assert.same(expected, table.move(begun(), before + 1, before + #expected, 1, {}))
      end
      return given_back
    end)
  end

  it("is by priority, over all types", function()
    local PRIORITIES = { 32767, 10, 5, 0, -1, -7, -32768 }

    assert_order(function()
      local expected, first = {}, nil
      for _, place in ipairs { 5, 3, 7, 2, 1, 4, 6 } do
        local kind = place % 2 == 0 and "note" or "other:note"
        expected[place] = queue:enqueue(kind, nil, { priority = PRIORITIES[place] })
        first = first or expected[place]
      end
      queue:drain { "--concurrency", "1" }
      return expected, first
    end)
  end)

  it("is by time within a lane", function()
    assert_order(function()
      local expected = {}
      for i = 1, 20 do
        expected[i] = queue:enqueue("note")
      end
      queue:drain { "--concurrency", "1" }
      return expected, expected[1]
    end)
  end)

  it("lets what is urgent overtake what waits", function()
    local process = queue:start { "--concurrency", "1" }
    for priority = -1, 1 do -- a lane that nobody knew may take some milliseconds to be found
      queue:enqueue("note", nil, { priority = priority })
    end
    queue:await_count("completed", 3)

    assert_order(function()
      local done, gate = queue:count("completed"), folder.new() .. "/gate"
      local first = queue:enqueue("note", { gate = gate })
      queue:await_notes(done + 1, "+")
      queue.db:query("begin") -- else one of them may be claimed ahead, before the next is there
      local low = queue:enqueue("note", nil, { priority = -1 })
      local middle = queue:enqueue("note")
      local high = queue:enqueue("note", nil, { priority = 1 })
      queue.db:query("commit")
      folder.write(gate, "")
      queue:await_count("completed", done + 4)
      return { first, high, middle, low }, first
    end)
    worker.stop(process)
  end)

  it("is not held up by urgent tasks of the future", function()
    queue.db:query([[
      insert into taskq.worker_tasks (type, priority, scheduled_at)
      select 'noop', 100 + n % 3, now() + interval '1 hour' from generate_series(1, 5000) n]])
    local process = queue:start()
    local id = queue:enqueue("noop")

    queue:await(30, "the task of low priority",
      "select status = 'completed' from taskq.worker_tasks where id = $1", id)

    assert.equal(5000, queue:count("pending"))
    worker.stop(process)
  end)

  it("starts tasks when they are due, not before and not much later", function()
    local process = queue:start { "--poll-interval", "60s" }

    wait.assert_below(0.1 * wait.factor, function(try) -- five times 20 ms
      queue:await_sleep()
      local first = queue:enqueue("noop", nil, { at = "now() + interval '250 ms'" })
      for i = 2, 5 do
        queue:enqueue("noop", nil, { at = ("now() + interval '%d ms'"):format(200 + i * 50) })
      end
      queue:await_count("completed", 5 * try)
      local late = queue.db:query([[
        select min(s) as least, max(s) as most
        from (select extract(epoch from started_at - scheduled_at)::float8 as s
          from taskq.worker_tasks where id >= $1) x]], first)[1]
      assert.is_true(late.least >= 0, late.least)
      return late.most
    end)
    worker.stop(process)
  end)

  it("passes over types that this worker does not know", function()
    queue:fill(2000, "unknown:type")
    local id = queue:enqueue("noop", nil, { priority = -5 })

    queue:drain()

    assert.equal("completed", queue:task(id).status)
    assert.equal(2000, queue:count("pending"))
    assert.equal(0, queue.db:value("select sum(attempts) from taskq.worker_tasks_live"))
  end)

  it("passes over types that --task-types leaves out", function()
    local other, note = queue:enqueue("other:note"), queue:enqueue("note")
    local noop = queue:enqueue("noop")

    queue:drain { "--task-types", "other:*,*op" }

    assert.equal("completed", queue:task(other).status)
    assert.equal("completed", queue:task(noop).status)
    assert.equal("pending", queue:task(note).status)
  end)

  it("needs a type: --task-types that match no handler are wrong use", function()
    local result = taskq.run({
      "worker", "--handlers", worker.HANDLERS, "--task-types", "nothing:*",
    }, { database = queue.url })

    assert.equal(2, result.code)
    assert.matches("%-%-task%-types matches none of the %d+ handlers", result.err)
  end)
end)
