--- A database that goes away, and comes back: no task is lost, none is finished twice.

local cluster = require "support.cluster"
local database = require "support.database"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

local COUNT = 4000

describe("while the server", function()
  local own, queue

  setup(function()
    own = cluster.new { durable = true }
    own:start()
  end)
  teardown(function() own:stop("immediate") end)

  before_each(function()
    local name = ("trouble_%d"):format(require("luv").hrtime())
    database.query(own:url("postgres"), "create database " .. name)
    local migrated = taskq.run({ "migrate" }, { database = own:url(name) })
    assert.equal(0, migrated.code, migrated.err)
    queue = worker.queue(own:url(name))
  end)
  after_each(function() queue:close() end)

  local function restart(mode)
    own:stop(mode)
    own:start()
    queue:connect()
  end

  for mode, what in pairs { fast = "is restarted", immediate = "crashes and comes back" } do
    it(what .. ", tasks are neither lost nor finished twice", function()
      queue:fill(COUNT, "note", { ms = 1 })
      local process = queue:start { "--concurrency", "20" }

      for i = 1, 3 do
        queue:await_notes(i * COUNT // 5, "-")
        restart(mode)
      end
      queue:await_count("completed", COUNT)

      queue:assert_completed(COUNT)
      local runs, tasks = queue:runs()
      assert.equal(COUNT, tasks)
      assert.equal(runs, tasks)
      worker.stop(process)
    end)
  end

  it("is down, handlers go on and their results are kept", function()
    queue:fill(5, "note", { gate = queue.gate })
    local process = queue:start()
    queue:await_notes(5, "+")

    own:stop("fast")
    queue:open_gate()
    queue:await_notes(5, "-")
    own:start()
    queue:connect()

    queue:await_count("completed", 5)
    assert.same({ 5, 5 }, { queue:runs() })
    worker.stop(process)
  end)

  it("refuses connections, a worker that starts waits for it", function()
    database.query(own:url("postgres"), [[
      create role limited login connection limit 1 in role taskq_worker]])
    queue:fill(1, "noop")
    local process = taskq.start({ "worker", "--handlers", worker.HANDLERS, "--until-empty" },
      { database = queue.url:gsub("postgres@", "limited@") }) -- it needs three

    worker.await_log(process, 'too many connections for role \\"limited\\"')
    assert.is_true(process:is_running())
    queue.db:query("alter role limited connection limit -1")

    assert.equal(0, process:wait(), process:stderr())
    queue:assert_completed(1)
  end)
end)

describe("a worker", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function terminate(kind)
    wait.wait_until(30, function()
      return queue:terminate(kind) == 1
    end, "a backend to end")
  end

  for _, kind in ipairs { "claim", "completion", "control" } do
    it(("survives the end of its %s connection"):format(kind), function()
      queue:fill(COUNT, "note", { ms = 1 })
      local process = queue:start { "--concurrency", "20" }

      for i = 1, 3 do
        queue:await_notes(i * COUNT // 5, "-")
        terminate(kind)
      end
      queue:await_count("completed", COUNT)

      queue:assert_completed(COUNT)
      assert.same({ COUNT, COUNT }, { queue:runs() })
      worker.stop(process)
    end)
  end

  it("gives back what was claimed in an answer that it never got", function()
    queue:fill(COUNT, "note", { ms = 1 })
    local process = queue:start { "--concurrency", "100" }

    for i = 1, 15 do
      queue:await_notes(i * COUNT // 20, "-")
      terminate("claim")
    end
    queue:await_count("completed", COUNT)

    queue:assert_completed(COUNT)
    assert.same({ COUNT, COUNT }, { queue:runs() })
    worker.stop(process)
  end)

  it("hears of tasks that were enqueued while its claim connection was down", function()
    local process = queue:start { "--poll-interval", "10m" }
    queue:await_sleep()

    queue.db:query("begin")
    assert.equal(1, queue:terminate("claim"))
    queue.db:query("select taskq.enqueue('noop')")
    queue.db:query("commit")

    queue:await_count("completed", 1)
    worker.stop(process)
  end)

  it("waits for tasks that others have locked, without holding up the rest", function()
    local locked = queue:enqueue("note", { gate = queue.gate })
    local process = queue:start { "--concurrency", "20" }
    queue:await_notes(1, "+")
    local locker <close> = database.connect(queue.url)
    locker:query("begin")
    locker:query("select 1 from taskq.worker_tasks where id = $1 for update", locked)

    queue:open_gate()
    queue:fill(500, "noop")
    queue:await_count("completed", 500)
    assert.equal("running", queue:task(locked).status)
    locker:query("rollback")

    queue:await_count("completed", 501)
    queue:assert_completed(501)
    worker.stop(process)
  end)

  it("finds its tasks again when an update has moved them", function()
    local id = queue:enqueue("note", { gate = queue.gate })
    local process = queue:start()
    queue:await_notes(1, "+")

    queue.db:query("update taskq.worker_tasks_live set payload = payload || '{\"n\": 1}'")
    queue:open_gate()

    queue:await_count("completed", 1)
    assert.equal(1, queue:task(id).attempts)
    worker.stop(process)
  end)

  it("drops the result of a task that somebody has deleted", function()
    local id = queue:enqueue("note", { gate = queue.gate })
    local process = queue:start()
    queue:await_notes(1, "+")

    queue.db:query("delete from taskq.worker_tasks_live where id = $1", id)
    queue:open_gate()
    worker.await_log(process, "outcome not written")

    assert.is_nil(queue:task(id))
    worker.stop(process)
  end)
end)
