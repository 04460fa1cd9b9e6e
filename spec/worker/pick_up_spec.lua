--- How tasks are found: at once when the worker sleeps, silently while it is awake, and however
--- late or out of order they become visible.

local database = require "support.database"
local process = require "support.process"
local wait = require "support.wait"
local worker = require "support.worker"

local NEVER = { "--poll-interval", "10m" } -- so that only what is specified can find a task
local QUICK = { "--poll-interval", "100ms" }

describe("a worker finds", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function await_completed(id)
    queue:await(30, ("task %d"):format(id),
      "select status = 'completed' from taskq.worker_tasks where id = $1", id)
  end

  -- How many notifications a session hears that listens and runs these statements.
  local function heard(statements)
    local result = process.run({ "psql", "-XqAt", "--set", "ON_ERROR_STOP=1", queue.url }, {
      stdin = "listen taskq;\n" .. statements .. "\n",
    })
    assert.equal(0, result.code, result.err)
    local _, count = result.out:gsub('Asynchronous notification "taskq"', "")
    return count
  end

  it("a task by its notification while it sleeps", function()
    local running = queue:start(NEVER)
    for _ = 1, 2 do
      wait.assert_below(0.1 * wait.factor, function()
        queue:await_sleep()
        local id = queue:enqueue("noop")
        await_completed(id)
        return queue.db:value([[
          select extract(epoch from started_at - scheduled_at)::float8
          from taskq.worker_tasks where id = $1]], id)
      end)
    end
    worker.stop(running)
  end)

  it("a task that commits just when it goes to sleep", function()
    local running = queue:start(NEVER)
    local pauses = { 0, 15, 22, 60, 105, 120, 128, 140, 200, 450 } -- around its steps
    for _, ms in ipairs(pauses) do
      await_completed(queue:enqueue("noop"))
      queue.db:query("select pg_sleep($1)", ms / 1000)

      await_completed(queue:enqueue("noop"))
    end
    worker.stop(running)
  end)

  it("tasks without a notification while it is busy", function()
    queue:enqueue("note", { gate = queue.gate })
    local running = queue:start { "--concurrency", "1", table.unpack(NEVER) }
    queue:await_notes(1, "+")

    local count = 0
    wait.assert_below(1, function() -- a worker that gets no time cannot renew its promise
      count = count + 20
      return heard(("select taskq.enqueue('noop');\n"):rep(20))
    end)

    queue:open_gate()
    queue:await_count("completed", count + 1)
    worker.stop(running)
  end)

  it("a task by polling when its producer silenced the notification", function()
    local running = queue:start { "--poll-interval", "1s" }
    queue:await_sleep()

    queue.db:query("set taskq.notify = off")
    local id = queue:enqueue("noop")

    await_completed(id)
    worker.stop(running)
  end)

  it("a task that was dated back by hand", function()
    local running = queue:start(QUICK)
    await_completed(queue:enqueue("noop"))

    for _, at in ipairs { "now() - interval '1 hour'", "'-infinity'" } do
      local id = queue.db:value(("insert into taskq.worker_tasks (type, scheduled_at) "
        .. "values ('noop', %s) returning id"):format(at))

      await_completed(id)
    end
    worker.stop(running)
  end)

  it("a task that was locked when it was claimed", function()
    local locker <close> = database.connect(queue.url)
    local locked = queue:enqueue("noop")
    locker:query("begin")
    locker:query("select 1 from taskq.worker_tasks where id = $1 for update", locked)
    local running = queue:start(QUICK)
    await_completed(queue:enqueue("noop"))
    assert.equal("pending", queue:task(locked).status)

    locker:query("rollback")

    await_completed(locked)
    worker.stop(running)
  end)

  it("tasks of transactions that commit late, while it is busy", function()
    queue:fill(1, "note", { gate = queue.gate }) -- keeps it awake: 1 of 2 slots
    local writers = {}
    for i = 1, 10 do
      writers[i] = database.connect(queue.url)
      writers[i]:query("begin")
      writers[i]:query("insert into taskq.worker_tasks (type) values ('noop')")
    end
    local running = queue:start { "--concurrency", "2", table.unpack(NEVER) }
    local in_time = 0
    for i = 1, 50 do
      queue:enqueue("noop")
      if i % 5 == 0 then
        queue:await_count("completed", i + i // 5 - 1)
        local started = wait.now()
        writers[i // 5]:query("commit")
        queue:await_count("completed", i + i // 5)
        in_time = in_time + (wait.now() - started < 0.5 * wait.factor and 1 or 0)
      end
    end
    assert.is_true(in_time >= 5, in_time) -- of ten; a busy machine may be late

    for _, writer in ipairs(writers) do
      writer:close()
    end
    queue:open_gate()
    queue:await_count("completed", 61)
    worker.stop(running)
  end)

  it("the task of a transaction that was open when it went to sleep", function()
    local writer <close> = database.connect(queue.url)
    local running = queue:start(NEVER)
    await_completed(queue:enqueue("noop"))
    writer:query("begin")
    local id = writer:value("select taskq.enqueue('noop')") -- perhaps it relies on the promise

    queue.db:query("select pg_sleep(0.6)") -- past the last look
    writer:query("commit")

    await_completed(id)
    worker.stop(running)
  end)

  it("tasks of many late transactions, and leaves none behind", function()
    local running = queue:start { "--concurrency", "50", table.unpack(NEVER) }
    local writers, ended = {}, 0
    for i = 1, 20 do
      writers[i] = { connection = database.connect(queue.url), left = i % 7 }
      writers[i].connection:query("begin")
    end
    for round = 1, 15 do
      for i, writer in ipairs(writers) do
        writer.connection:query([[
          insert into taskq.worker_tasks (type, priority) values ('noop', $1)]], (round + i) % 3)
        writer.left = writer.left - 1
        if writer.left < 0 then
          writer.connection:query(i % 6 == 0 and "rollback" or "commit")
          writer.connection:query("begin")
          writer.left = (round * i) % 7
          ended = ended + 1
        end
      end
    end
    for _, writer in ipairs(writers) do
      writer.connection:query("commit")
      writer.connection:close()
    end
    local count = queue.db:value("select count(*) from taskq.worker_tasks")
    assert.is_true(count > 150 and ended > 50)

    queue:await_count("completed", count)

    worker.stop(running)
  end)

  it("new priorities while it is busy", function()
    queue:enqueue("note", { gate = queue.gate })
    local running = queue:start { "--concurrency", "4", table.unpack(NEVER) }
    queue:await_notes(1, "+")

    for _, priority in ipairs { 7, -7, 32767, -32768, 8, 6, 0 } do
      await_completed(queue:enqueue("noop", nil, { priority = priority }))
    end

    queue:open_gate()
    queue:await_count("completed", 8)
    worker.stop(running)
  end)
end)
