--- Workers and commands behind PgBouncer, in transaction mode unless said: every transaction may
--- meet another server, and none keeps what a session would.

local cjson = require "cjson"
local cluster = require "support.cluster"
local database = require "support.database"
local pgbouncer = require "support.pgbouncer"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

local COUNT = 5000

describe("behind a pooler in transaction mode", function()
  local queue, pooler

  before_each(function()
    queue = worker.queue()
    pooler = pgbouncer.new(queue.url, "transaction")
  end)
  after_each(function() queue:close() end)

  local function start(flags)
    return queue:start(flags, { url = pooler.url })
  end

  local function run(arguments, stdin)
    local result = taskq.run(arguments, { database = pooler.url, stdin = stdin })
    assert.equal(0, result.code, result.err)
    return result.out
  end

  it("every command works", function()
    run { "migrate" }
    local id = run({ "enqueue", "noop", '{"n": 1}' }):match("%d+")
    run({ "enqueue", "--from", "-" }, ('{"type": "echo"}\n'):rep(COUNT))

    assert.equal(COUNT + 1, cjson.decode(run { "stats", "--json" }).pending)
    assert.equal(id, run({ "list", "--type", "noop" }):match("\n%s*(%d+)"))
    assert.equal(id .. " cancelled\n", run { "cancel", id })
    assert.equal(id .. " retried\n", run { "retry", id })
    assert.matches("status +pending", run { "show", id })
    run { "cancel", id }
    run { "retry", "--status", "cancelled" }
    run { "cancel", id }
    assert.matches("1", run { "cleanup", "--older-than", "1ms" })
    assert.equal(COUNT, queue:count("pending"))
  end)

  it("all tasks are run, once each", function()
    queue:fill(COUNT, "note")

    run { "worker", "--handlers", worker.HANDLERS, "--until-empty" }

    queue:assert_completed(COUNT)
    assert.same({ COUNT, COUNT }, { queue:runs() })
  end)

  it("failures are retried, and higher priorities are first", function()
    wait.assert_below(1, function()
      os.remove(queue.file)
      local failing, ids = queue:enqueue("fail:once"), {}
      for i = 1, 50 do
        ids[i] = "+" .. queue:enqueue("note", nil, { priority = -i })
      end

      run { "worker", "--handlers", worker.HANDLERS, "--until-empty", "--concurrency", "1" }

      assert.equal("completed", queue:task(failing).status)
      assert.equal(2, queue:task(failing).attempts)
      local order, given_back = {}, queue:count_given_back(failing)
      for _, line in ipairs(queue:notes()) do
        order[#order + 1] = line:match("^%+.*")
      end
      if given_back == 0 then
        assert.same(ids, order)
      end
      return given_back
    end)
  end)

  it("the tasks of a worker that was killed are rescued", function()
    queue:fill(5, "note", { gate = queue.gate }) -- these run when it is killed
    queue:fill(COUNT - 5, "note", { ms = 1 })
    local first = start { "--lock-duration", "1s", "--concurrency", "20" }
    queue:await_notes(500, "-")
    first:kill("sigkill")
    first:wait()
    assert.is_true(queue:count("running") > 0)

    queue:open_gate()
    run { "worker", "--handlers", worker.HANDLERS, "--until-empty", "--lock-duration", "1s" }

    queue:assert_completed(COUNT)
  end)

  it("a running task is cancelled", function()
    local id = queue:enqueue("endless:deaf", { gate = queue.gate })
    local running = start { "--lock-duration", "3s" }
    queue:await_notes(1, "+")

    assert.equal(id .. " requested\n", run { "cancel", tostring(id) })

    queue:await_count("cancelled", 1)
    worker.stop(running)
  end)

  it("a worker finds what is enqueued while it sleeps", function()
    local running = start { "--poll-interval", "200ms" }
    queue.db:query("select pg_sleep(0.6)") -- it has gone to sleep

    queue:enqueue("noop")

    queue:await_count("completed", 1)
    worker.stop(running)
  end)

  it("a worker is told of it at once when it may listen beside the pooler", function()
    local running = start { "--poll-interval", "10m", "--listen-database", queue.url }
    local id = queue:enqueue("endless:deaf", { gate = queue.gate })
    queue:await_notes(1, "+")
    queue.db:query("select pg_sleep(0.6)") -- it has gone to sleep

    queue:enqueue("noop")
    queue:await_count("completed", 1)
    run { "cancel", tostring(id) }

    queue:await_count("cancelled", 1)
    worker.stop(running)
  end)

  it("no task is lost or run twice when the pooler dies", function()
    queue:fill(COUNT, "note", { ms = 1 })
    local running = start { "--concurrency", "100" }

    for i = 1, 8 do
      queue:await_notes(i * COUNT // 10, "-")
      pooler:kill()
      pooler:start()
    end
    queue:await_count("completed", COUNT, 60) -- a lost claim may be found a lease later

    queue:assert_completed(COUNT)
    assert.same({ COUNT, COUNT }, { queue:runs() })
    worker.stop(running)
  end)

  it("handlers ask the database, and commit together with their task", function()
    queue.db:query("create table effects (task bigint, zone text, patience text)")
    for _ = 1, 20 do
      queue:enqueue("lua", { body = [[
        assert(taskq.query("select $1::int as n", 1)[1].n == 1)
        return context.transaction(function(db)
          assert(db.query("insert into effects values ($1, current_setting('timezone'), "
            .. "current_setting('idle_in_transaction_session_timeout'))", context.task.id))
          return context.task.id
        end)]] })
    end

    run { "worker", "--handlers", worker.HANDLERS, "--until-empty", "--lock-duration", "3s" }

    queue:assert_completed(20)
    assert.equal(20, queue.db:value([[
      select count(*) from effects e join taskq.worker_tasks t on t.id = e.task
      where t.result::text = e.task::text and e.zone = 'UTC' and e.patience = '3s']]))
  end)

  it("no setting of a worker's stays with the servers", function()
    queue:fill(500, "noop")
    run { "worker", "--handlers", worker.HANDLERS, "--until-empty" }

    for _ = 1, 20 do
      local found = database.query(pooler.url, [[
        select current_setting('enable_seqscan') as seqscan,
          current_setting('plan_cache_mode') as plans,
          current_setting('lock_timeout') as patience]])
      assert.same({ { seqscan = "on", plans = "auto", patience = "0" } }, found)
    end
  end)

  it("only session and transaction are modes", function()
    local result = taskq.run({ "worker", "--handlers", worker.HANDLERS, "--pooler", "statement" },
      { database = pooler.url })

    assert.equal(2, result.code)
    assert.matches('--pooler is session or transaction, not "statement"', result.err, 1, true)
  end)
end)

describe("a pooler in session mode", function()
  it("serves a worker as the server does", function()
    local queue = worker.queue()
    local pooler = pgbouncer.new(queue.url, "session")
    local running = queue:start({ "--pooler", "session", "--poll-interval", "10m" },
      { url = pooler.url })
    queue.db:query("select pg_sleep(0.6)") -- it has gone to sleep

    queue:fill(COUNT, "note")

    queue:await_count("completed", COUNT)
    queue:assert_completed(COUNT)
    worker.stop(running)
    queue:close()
  end)
end)

describe("a server behind a pooler in transaction mode", function()
  local own, queue, pooler

  before_each(function()
    own = cluster.new {
      durable = true,
      settings = {
        session_preload_libraries = "auto_explain",
        ["auto_explain.log_min_duration"] = "0",
        ["auto_explain.log_level"] = "log",
      },
    }
    own:start()
    local migrated = taskq.run({ "migrate" }, { database = own:url("postgres") })
    assert.equal(0, migrated.code, migrated.err)
    queue = worker.queue(own:url("postgres"))
    pooler = pgbouncer.new(queue.url, "transaction")
  end)
  after_each(function()
    queue:close()
    own:stop("immediate")
  end)

  it("may be restarted, and tasks are neither lost nor finished twice", function()
    queue:fill(COUNT, "note", { ms = 1 })
    local running = queue:start({ "--concurrency", "20" }, { url = pooler.url })

    for i, mode in ipairs { "fast", "immediate", "fast" } do
      queue:await_notes(i * COUNT // 5, "-")
      own:stop(mode)
      own:start()
      queue:connect()
    end
    queue:await_count("completed", COUNT)

    queue:assert_completed(COUNT)
    assert.same({ COUNT, COUNT }, { queue:runs() })
    worker.stop(running)
  end)

  -- The plans of the statements that name the live partition, each with its first line.
  local function plans()
    local found, current = {}, nil
    for line in own.server:stderr():gmatch("[^\n]+") do
      if line:find("LOG:  duration:", 1, true) then
        current = {}
        found[#found + 1] = current
      end
      if current then
        current[#current + 1] = line
      end
    end
    return found
  end

  it("plans what workers ask as for a session of theirs, while the table grows", function()
    queue:fill(20, "note")
    local running = queue:start({ "--concurrency", "50" }, { url = pooler.url })
    queue:await_count("completed", 20)
    for _ = 1, 10 do
      queue:fill(2000, "note")
    end
    queue:await_count("completed", 20020)
    worker.stop(running)

    local seen = { claim = 0, complete = 0 }
    for _, lines in ipairs(plans()) do
      local text = table.concat(lines, "\n")
      local name = text:find("-- Claims up to", 1, true) and "claim"
        or text:find("-- Completes a batch", 1, true) and "complete"
      if name then
        seen[name] = seen[name] + 1
        assert.is_nil(text:match("Seq Scan on worker_tasks_live"), text)
        assert.is_nil(text:match("Hash Join"), text)
        assert.matches("Tid Scan on worker_tasks_live", text)
      end
    end
    assert.is_true(seen.claim > 10 and seen.complete > 10)
  end)
end)

