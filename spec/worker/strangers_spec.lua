--- Tasks of types that no worker knows: they wait, and the log says so.

local taskq = require "support.taskq"
local worker = require "support.worker"

local SOON = { "--stale-task-check-interval", "100" }
local FURTHER = "tasks of further types wait for a handler; not all are told told=1000"
local WARNING = "tasks wait for a handler that no live worker has type="

describe("a task of a type that no worker knows", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function times(process, text)
    return select(2, process:stderr():gsub(text, ""))
  end

  it("is told in the log once, and waits", function()
    local id = queue:enqueue("stranger")
    local process = queue:start(SOON)
    worker.await_log(process, WARNING .. "stranger")

    queue:enqueue("stranger")
    queue:enqueue("another")
    worker.await_log(process, WARNING .. "another")
    queue:enqueue("third") -- two more looks, at least
    worker.await_log(process, WARNING .. "third")

    assert.equal(1, times(process, WARNING .. "stranger"))
    assert.equal(1, times(process, WARNING .. "another"))
    assert.equal("pending", queue:task(id).status)
    assert.equal(0, queue:task(id).claims)
    worker.stop(process)
  end)

  it("is told by `taskq stats`", function()
    local process = queue:start(SOON)
    queue:enqueue("stranger", nil, { at = "'2126-01-01T12:00:00Z'" })
    queue:enqueue("noop", nil, { at = "now() + interval '1 day'" })

    local text = taskq.run({ "stats" }, { database = queue.url })
    local json = taskq.run({ "stats", "--json" }, { database = queue.url })

    assert.matches("\ntotal +2\n\nno live worker has a handler for\n"
      .. "  stranger, oldest due 2126%-01%-01T12:00:00Z\n$", text.out)
    assert.matches('"total":2,"unhandled_types":%[{"type":"stranger",'
      .. '"oldest_scheduled_at":"2126%-01%-01T12:00:00%+00:00"}%]', json.out)
    worker.stop(process)
  end)

  it("is counted where there are too many to tell of each", function()
    queue.db:query([[insert into taskq.worker_tasks (type)
      select to_char(g, 'FM"type:"0000') from generate_series(1, 1000) g]])
    local process = queue:start(SOON)
    worker.await_log(process, WARNING .. "type:1000")
    assert.equal(0, times(process, FURTHER))
    local function stats(...)
      return taskq.run({ "stats", ... }, { database = queue.url }).out
    end
    assert.matches("\n  type:0020, oldest due [^\n]+\n  and 980 more types\n$", stats())
    assert.matches('"has_more_unhandled_types":false', stats("--json"), 1, true)

    queue:enqueue("type:1001")
    worker.await_log(process, FURTHER)

    assert.equal(0, times(process, WARNING .. "type:1001"))
    assert.matches("\n  and more than 980 more types\n$", stats())
    assert.matches('"has_more_unhandled_types":true', stats("--json"), 1, true)
    worker.stop(process)
  end)

  it("is not told when another worker knows it", function()
    queue.db:query([[insert into taskq.workers (id, name, host, pid, version, types, lease_until)
      values (1, 'other', 'h', 1, 'v', '{friend}', now() + interval '1 minute')]])
    queue:enqueue("friend")
    queue:enqueue("stranger")
    local process = queue:start(SOON)

    worker.await_log(process, WARNING .. "stranger")

    assert.equal(0, times(process, WARNING .. "friend"))
    worker.stop(process)
  end)
end)
