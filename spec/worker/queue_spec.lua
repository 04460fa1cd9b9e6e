--- The queue from inside handlers: enqueue, cancel, retry, stats.

local cjson = require "cjson"
local database = require "support.database"
local worker = require "support.worker"

describe("in a handler", function()
  local queue, process

  setup(function()
    queue = worker.queue()
    process = queue:start({ "--threads", "1", "--task-types", "lua*" })
  end)
  teardown(function()
    worker.stop(process)
    queue:close()
  end)

  local function run(body)
    local id = queue:enqueue("lua", { body = body }, { max_attempts = 1 })
    queue:await(30, "the handler's end",
      "select status::text not in ('pending', 'running') from taskq.worker_tasks where id = $1", id)
    return queue:task(id)
  end

  local function result_of(body)
    local task = run(body)
    assert.equal("completed", task.status, task.error)
    return cjson.decode(task.result)
  end

  it("taskq.enqueue makes a task and returns it", function()
    local made = result_of([[
      return assert(taskq.enqueue { type = "other", payload = { to = "ada", list = {} },
        priority = -5, max_attempts = 7, delay = 60000 })]])

    local row = queue.db:query([[
      select type, payload::text as payload, priority, max_attempts, status::text as status,
        extract(epoch from scheduled_at) * 1000 as scheduled_at,
        extract(epoch from created_at) * 1000 as created_at,
        scheduled_at - created_at between '59 s' and '61 s' as is_later
      from taskq.worker_tasks where id = $1]], made.id)[1]
    assert.same({ "other", '{"to": "ada", "list": {}}', -5, 7, "pending", true },
      { row.type, row.payload, row.priority, row.max_attempts, row.status, row.is_later })
    assert.same({ "other", "ada", -5, 7, "pending", 0 },
      { made.type, made.payload.to, made.priority, made.max_attempts, made.status, made.attempts })
    assert.near(row.scheduled_at, made.scheduled_at, 0.01)
    assert.near(row.created_at, made.created_at, 0.01)
  end)

  it("taskq.enqueue has the defaults of the queue", function()
    local made = result_of([[return assert(taskq.enqueue { type = "other" })]])

    assert.same({ 0, "pending", {} }, { made.priority, made.status, made.payload })
    assert.is_nil(made.max_attempts)
    assert.is_true(queue.db:value([[
      select scheduled_at <= now() and payload = '{}' and max_attempts is null
      from taskq.worker_tasks where id = $1]], made.id))
    assert.is_true(queue.db:value(
      "select scheduled_at = to_timestamp(4102444800) from taskq.worker_tasks where id = $1",
      result_of([[return taskq.enqueue { type = "other", scheduled_at = 4102444800000 }]]).id))
  end)

  it("a payload that is null stays null, as with every producer", function()
    local made = result_of([[
      local task = assert(taskq.enqueue { type = "null", payload = taskq.null,
        priority = taskq.null })
      assert(taskq.enqueue_many { { type = "null", payload = taskq.null } })
      context.transaction(function(db)
        assert(db.enqueue { type = "null", payload = taskq.null })
        return task
      end)]])

    assert.equal(cjson.null, made.payload)
    assert.same({ { payload = "null", count = 3 } }, queue.db:query([[
      select payload::text as payload, count(*) as count
      from taskq.worker_tasks where type = 'null' group by 1]]))
  end)

  it("taskq.enqueue_many makes many at once", function()
    assert.equal(3, result_of([[
      return assert(taskq.enqueue_many {
        { type = "many", payload = { n = 9007199254740993 } },
        { type = "many", priority = 3, delay = 3600000 },
        { type = "many", max_attempts = 2, scheduled_at = 4102444800000,
          payload = taskq.null } })]]))

    assert.same({ n = 3, exact = 1, later = 1, at = 1 }, queue.db:query([[
      select count(*) as n, count(*) filter (where payload = '{"n": 9007199254740993}') as exact,
        count(*) filter (where priority = 3 and scheduled_at between now() + interval '59 min'
          and now() + interval '61 min') as later,
        count(*) filter (where max_attempts = 2
          and scheduled_at = to_timestamp(4102444800)) as at
      from taskq.worker_tasks where type = 'many']])[1])
    assert.equal(0, result_of("return taskq.enqueue_many {}"))
  end)

  it("wrong tasks are refused, with the place of the caller", function()
    local messages = result_of([[
      local list = {}
      for _, task in ipairs { { type = 5 }, { type = "" }, { typ = "a" },
        { type = "a", priority = 1.5 }, { type = "a", max_attempts = 0 },
        { type = "a", delay = -1 }, { type = "a", scheduled_at = "now" },
        { type = "a", scheduled_at = 1, delay = 1 }, { type = "a", payload = { print } }, 7 } do
        local _, message = pcall(function()
          taskq.enqueue(task)
        end)
        list[#list + 1] = message
      end
      list[#list + 1] = select(2, pcall(taskq.enqueue_many, { { type = "a" }, { type = 5 } }))
      return list]])

    local place = "body:8: taskq.enqueue: "
    local types = 'type must be a text such as "email:send", of at most 200 bytes, not '
    assert.same({
      place .. types .. "5",
      place .. types .. '""',
      place .. 'unknown field "typ" (did you mean "type"?)',
      place .. "priority must be a whole number from -32768 to 32767, not 1.5",
      place .. "max_attempts must be a whole number from 1 to 1000, not 0",
      place .. "delay must be a number of milliseconds, 0 or more, not -1",
      place .. 'scheduled_at must be a time in milliseconds since the epoch, not "now"',
      place .. "scheduled_at and delay exclude each other",
      place .. "payload[1]: a function is not JSON",
      place .. 'a task must be a table such as { type = "email:send" }, not 7',
      "taskq.enqueue_many: task 2: " .. types .. "5",
    }, messages)
  end)

  it("what the server refuses is returned", function()
    local result = result_of([[
      local task, message, code = taskq.enqueue { type = "a",
        payload = { x = ("0123456789abcdef"):rep(100000):gsub("0", function() return tostring(
          math.random(100)) end) } }
      return { task == nil, message, code }]])

    assert.equal("23514", result[3])
    assert.matches("worker_tasks_payload_is_at_most_1_mib", result[2])
  end)

  it("db.enqueue and taskq.enqueue join a transaction", function()
    run([[context.transaction(function(db)
      assert(db.enqueue { type = "joined" })
      assert(taskq.enqueue { type = "joined" })
      assert(taskq.enqueue_many { { type = "joined" } })
      error("undo")
    end)]])
    assert.equal(0, queue.db:value(
      "select count(*) from taskq.worker_tasks where type = 'joined'"))

    run([[context.transaction(function(db)
      assert(db.enqueue { type = "joined" })
      assert(taskq.enqueue { type = "joined" })
    end)]])
    assert.equal(2, queue.db:value(
      "select count(*) from taskq.worker_tasks where type = 'joined'"))
  end)

  it("taskq.cancel and taskq.retry say what they did", function()
    assert.same({ "cancelled", "TQ002", "TQ001", "retried", "TQ002", "TQ001", "cancelled",
      "retried", 'taskq.retry: unknown option "reset" (there is reset_attempts)',
      "bad argument #1 to '?' (number expected, got string)" },
      result_of([[
        local id = taskq.enqueue { type = "other" }.id
        local function code(...) return (select(3, ...)) end
        return { taskq.cancel(id), code(taskq.cancel(id)), code(taskq.cancel(-1)),
          taskq.retry(id), code(taskq.retry(id)), code(taskq.retry(-1)), taskq.cancel(id),
          taskq.retry(id, { reset_attempts = true }),
          (select(2, pcall(taskq.retry, id, { reset = true }))),
          (select(2, pcall(taskq.cancel, "x"))) }]]))
  end)

  it("taskq.stats counts", function()
    local stats, rows = result_of("return taskq.stats()"), queue.db:query([[
      select pending, failed, cancelled from taskq.stats()]])[1]

    assert.same({ rows.pending, rows.failed, rows.cancelled, 1 },
      { stats.pending, stats.failed, stats.cancelled, stats.running })
  end)
end)

describe("a worker with no more than its role", function()
  it("may do all of that", function()
    local url = database.fresh()
    local owner <close> = database.connect(url)
    owner:query("create role spec_handler login")
    owner:query("grant taskq_worker to spec_handler")
    local queue = worker.queue(url)

    local id = queue:enqueue("lua", { body = [[
      local made = assert(taskq.enqueue { type = "other" })
      assert(taskq.enqueue_many { { type = "other", delay = 5 } } == 1)
      assert(taskq.cancel(made.id) == "cancelled")
      assert(taskq.retry(made.id) == "retried")
      assert(taskq.stats().running == 1)
      return context.transaction(function(db)
        return assert(db.enqueue { type = "other" }).status
      end)]] })
    local process = queue:start({ "--task-types", "lua" },
      { url = (url:gsub("postgres@", "spec_handler@", 1)) })
    queue:await_count("completed", 1)

    assert.equal('"pending"', queue:task(id).result)
    worker.stop(process)
    queue:close()
    owner:query("drop owned by spec_handler")
    owner:query("drop role spec_handler")
  end)
end)
