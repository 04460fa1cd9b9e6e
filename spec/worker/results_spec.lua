--- Payloads and results through the worker: exact, or refused with the reason.

local worker = require "support.worker"

local STORED = {
  large_integer = "9007199254740993",
  smallest_integer = "-9223372036854775808",
  integer_and_float = "[1, 1.0, -0.5, 1" .. ("0"):rep(300) .. "]",
  list_and_object = '{"full": [1, 2], "list": [], "object": {}}',
  null = "null",
  text = [["Zoë ☃ 😀 \" \\ \n"]],
  outcome = '["inside"]',
}

local REFUSED = {
  too_large = "larger than 1048576 bytes",
  with_function = "a function is not JSON",
  with_zero_byte = "zero byte",
  with_zero_byte_key = "zero byte",
  not_utf8 = "UTF%-8",
  not_a_number = "nan",
  with_cycle = "itself",
}

describe("the result of a task", function()
  local queue

  setup(function() queue = worker.queue() end)
  teardown(function() queue:close() end)

  local function run(case)
    local id = queue:enqueue("result", { case = case })
    queue:drain()
    return queue:task(id)
  end

  it("is stored exactly", function()
    local ids = {}
    for case in pairs(STORED) do
      ids[case] = queue:enqueue("result", { case = case })
    end

    queue:drain()

    local found = {}
    for case, id in pairs(ids) do
      found[case] = queue:task(id).result
    end
    assert.same(STORED, found)
  end)

  it("is what the payload was, when the handler returns that", function()
    local payload = '{"n": 9007199254740993, "f": 1.0, "list": [], "none": null, "object": {}, '
      .. '"text": "Zoë ☃ 😀"}'
    for _, text in ipairs { payload, "[]", "{}", "null", '"text"', "0" } do
      queue:enqueue("echo", text)
    end

    queue:drain()

    local same = queue.db:value([[
      select bool_and(result::text = payload::text) and count(*) = 6 and min(status) = 'completed'
      from taskq.worker_tasks where type = 'echo']])
    assert.is_true(same)
  end)

  it("is absent when the handler returns nothing", function()
    local task = run("nothing")

    assert.equal("completed", task.status)
    assert.is_nil(task.result)
  end)

  it("may have 1 MiB", function()
    local task = run("almost_too_large")

    assert.equal("completed", task.status, task.error)
    assert.equal(1024 * 1024, #task.result)
  end)

  it("fails the task for good when it cannot be stored", function()
    local ids = {}
    for case in pairs(REFUSED) do
      ids[case] = queue:enqueue("result", { case = case })
    end

    queue:drain()

    for case, id in pairs(ids) do
      local task = queue:task(id)
      assert.equal("failed", task.status, case)
      assert.equal(1, task.attempts)
      assert.matches(REFUSED[case], task.error)
      assert.equal("result", queue.db:value(
        "select kind from taskq.task_attempts where task_id = $1", id))
    end
  end)

  it("does not harm the tasks of the same batch when it cannot be stored", function()
    queue.db:query("truncate taskq.worker_tasks")
    queue:fill(50, "noop")
    queue:enqueue("result", { case = "with_zero_byte" })
    queue:fill(50, "noop")

    queue:drain()

    assert.equal(100, queue:count("completed"))
    assert.equal(1, queue:count("failed"))
  end)
end)
