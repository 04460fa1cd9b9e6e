--- What handlers say while they run: kept with the attempt, and shown meanwhile.

local cjson = require "cjson"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

describe("what a handler says", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function show(id, flags)
    local arguments = table.move(flags or {}, 1, #(flags or {}), 3, { "show", tostring(id) })
    local result = taskq.run(arguments, { database = queue.url })
    assert.equal(0, result.code, result.err)
    return result.out
  end

  local function attempts(id)
    return cjson.decode(show(id, { "--json" })).task_attempts
  end

  local function progress_rows()
    return queue.db:value("select count(*) from taskq.task_progress")
  end

  it("is kept with an attempt that fails", function()
    local id = queue:enqueue("talk:fail", nil, { max_attempts = 1 })

    queue:drain()

    local attempt = attempts(id)[1]
    assert.equal("error", attempt.kind)
    assert.equal(2, #attempt.log)
    local first = attempt.log[1]
    assert.matches("^%d+%-%d+%-%d+T%d+:%d+:%d+%.%d+Z$", first.time)
    first.time = nil
    assert.same({ level = "info", message = "begun", customer = "Zoë \"\\\n", parts = 3,
      ratio = 0.5 }, first)
    assert.equal("halfway\t1", attempt.log[2].message)
    assert.same({ fraction = 0.42, message = "nearly half" }, attempt.progress)
  end)

  it("shows control characters escaped, the NUL too", function()
    local id = queue:enqueue("lua", { body = [[
      print("a\0b\1", "c\0")
      taskq.log.info("\0", { x = "\0\0y" })
      context.progress(0.5, "d\0e")]] })

    local log = queue:drain().err

    assert.matches("handler a\\u0000b\\u0001\\tc\\u0000 task=", log, 1, true)
    assert.matches("handler \\u0000 task=", log, 1, true)
    assert.matches([[x="\\u0000\\u0000y"]], log, 1, true)
    local attempt = attempts(id)[1]
    assert.equal("a\\u0000b\1\tc\\u0000", attempt.log[1].message)
    assert.equal("\\u0000\\u0000y", attempt.log[2].x)
    assert.equal("d\\u0000e", attempt.progress.message)
  end)

  it("makes an attempt of a success, and of a snooze", function()
    local success = queue:enqueue("talk:succeed")
    local transaction = queue:enqueue("talk:in_transaction")
    local snooze = queue:enqueue("talk:snooze")

    queue:drain()

    for _, id in ipairs { success, transaction } do
      local attempt = attempts(id)[1]
      assert.equal("success", attempt.kind)
      assert.equal(cjson.null, attempt.error)
      assert.equal("begun", attempt.log[1].message)
      assert.equal(0.42, attempt.progress.fraction)
      assert.equal('"done"', queue:task(id).result)
    end
    assert.equal("snoozed", attempts(snooze)[1].kind)
    assert.equal("tired", attempts(snooze)[1].log[1].message)
    assert.same({ total = 3, completed = 3 }, queue.db:query(
      "select total, completed from taskq.stats()")[1])
  end)

  it("leaves no attempt of a success that was quiet", function()
    local id = queue:enqueue("noop")

    queue:drain()

    assert.same({}, attempts(id))
  end)

  it("is kept whatever the level of the worker's log", function()
    local id = queue:enqueue("talk:succeed")

    local result = queue:drain { "--log-level", "error" }

    assert.equal("", result.err)
    assert.equal(2, #attempts(id)[1].log)
  end)

  it("loses its oldest lines when there are many, and counts them", function()
    local id = queue:enqueue("talk:much")

    queue:drain()

    local attempt = attempts(id)[1]
    assert.equal(100, #attempt.log)
    assert.equal(51, attempt.log[1].n)
    assert.equal(150, attempt.log[100].n)
    assert.equal(50, attempt.log_dropped)
  end)

  it("is readable", function()
    local id = queue:enqueue("talk:fail", nil, { max_attempts = 1 })

    queue:drain()

    local text = show(id)
    assert.matches("\nprogress +42%% nearly half\n", text)
    assert.matches("\nlog +[%d-]+T[%d:.]+Z info begun", text)
    assert.matches("\n +[%d-]+T[%d:.]+Z info halfway", text)
  end)

  for _, kind in ipairs { "talk:succeed", "talk:fail" } do
    it("tells how far it is while it runs: " .. kind, function()
      local id = queue:enqueue(kind, { gate = queue.gate }, { max_attempts = 1 })
      local process = queue:start()

      queue:await(30, "the last progress",
        "select progress ->> 'message' = 'nearly half' from taskq.task_progress")

      assert.matches("\nprogress +42%% nearly half\n", show(id))
      assert.same({ fraction = 0.42, message = "nearly half" },
        cjson.decode(show(id, { "--json" })).progress)
      queue:open_gate()
      queue:await(30, "the end", "select finished_at is not null from taskq.worker_tasks")
      assert.equal(0, progress_rows())
      worker.stop(process)
    end)
  end

  it("tells how far it is though it only computes", function()
    local process = queue:start { "--threads", "1" }

    wait.assert_below(1 * 5 * wait.factor, function()
      local started = wait.now()
      local id = queue:enqueue("talk:compute")
      queue:await(30, "the progress",
        "select progress = '{\"fraction\": 1}' from taskq.task_progress where id = $1", id)
      return wait.now() - started
    end)

    process:kill("sigkill")
    process:wait()
  end)
end)
