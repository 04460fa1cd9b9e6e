--- `taskq events --follow`: what happens to tasks, from all workers, as it happens.

local json = require "cjson"
local process = require "support.process"
local proxy = require "support.proxy"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

describe("taskq events", function()
  local queue, follower

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  -- Waits until inserts (and so workers) know of somebody who follows.
  local function await_heard()
    queue:await(30, "somebody to follow", "select last_value > 0 from taskq.heard_until")
  end

  -- As if nobody had ever followed: the server may still do what one has asked who has ended.
  local function forget_followers()
    queue:await(30, "those who followed to be gone", [[
      select not exists (
        select from pg_stat_activity
        where datname = current_database() and application_name = 'taskq events')]])
    queue.db:query("select setval('taskq.heard_until', 0)")
  end

  local function follow(flags, url)
    local arguments = table.move(flags or {}, 1, #(flags or {}), 3, { "events", "--follow" })
    forget_followers()
    follower = taskq.start(arguments, { database = url or queue.url })
    await_heard()
  end

  local function await_line(pattern)
    return wait.wait_until(30, function() return follower:stdout():match(pattern) end, function()
      return ("a line with %s in\n%s%s"):format(pattern, follower:stdout(), follower:stderr())
    end)
  end

  local function stop()
    follower:kill("sigterm")
    assert.equal(0, follower:wait(), follower:stderr())
    local documents = {}
    for line in follower:stdout():gmatch("{[^\n]+") do
      documents[#documents + 1] = json.decode(line)
    end
    return documents
  end

  -- What has been printed of a task "note", in order.
  local function kinds_of(id)
    local kinds = {}
    for kind in follower:stdout():gmatch("[^\n]-Z  (%l+) +" .. id .. "  note") do
      kinds[#kinds + 1] = kind
    end
    return kinds
  end

  it("prints a line for each event of a task", function()
    follow()
    local id = queue:enqueue("note")
    await_line("created[^\n]*\n")
    local running = queue:start()

    await_line("completed[^\n]*\n")

    assert.same({ "created", "started", "completed" }, kinds_of(id))
    assert.matches("completed +" .. id .. "  note  [%d.]+ ms\n", follower:stdout())
    worker.stop(running)
    stop()
  end)

  it("prints first that a task was created, however late it is", function()
    follow()
    local running = queue:start()
    follower:kill("sigstop")
    queue.db:query("select taskq.follow()") -- in its place
    local id = queue:enqueue("note")
    queue:await_count("completed", 1)
    worker.stop(running) -- which has told everything then

    follower:kill("sigcont")
    await_line("completed[^\n]*\n")

    assert.same({ "created", "started", "completed" }, kinds_of(id))
    stop()
  end)

  it("prints documents, one a line", function()
    follow { "--json" }
    local id = queue:enqueue("fail:twice", { text = 'a\t"b"\n' })
    await_line('"created"[^\n]*\n')
    local running = queue:start { "--worker-id", "ada" }

    await_line('"will_retry":false')
    worker.stop(running)
    local documents = stop()

    assert.equal(5, #documents)
    local created, started, failed = documents[1], documents[2], documents[3]
    assert.equal("created", created.event)
    assert.equal("pending", created.task.status)
    assert.equal("started", started.event)
    assert.equal("ada", started.worker)
    assert.equal(id, started.task.id)
    assert.equal('a\t"b"\n', started.task.payload.text)
    assert.equal("failed", failed.event)
    assert.is_true(failed.will_retry)
    assert.matches("failures%.lua:%d+: no$", failed.error.message)
    assert.equal("error", failed.error.kind)
    assert.matches("^stack traceback:", failed.error.traceback)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT[%d:]+%.%d+Z$", failed.at)
    assert.same({ 1, 2 }, { failed.task.attempts, documents[5].task.attempts })
  end)

  it("shows the types that match", function()
    follow { "--type", "other:*" }
    local running = queue:start()
    queue:enqueue("note")
    queue:enqueue("other:note")

    await_line("completed[^\n]*other:note")

    assert.is_nil(follower:stdout():find("  note", 1, true))
    worker.stop(running)
    stop()
  end)

  it("leaves out what is too long, and says so", function()
    follow { "--json" }
    local running = queue:start()
    queue:enqueue("echo", { text = ("x"):rep(5000) })

    await_line('"event":"completed"')
    worker.stop(running)
    local completed = table.remove(stop())

    assert.same({ "payload", "result" }, completed.cut)
    assert.is_nil(completed.task.payload)
    assert.is_nil(completed.result)
  end)

  it("says how many events a worker could not send in time", function()
    local middle = proxy.new(queue.url)
    follow { "--json" }
    local running = queue:start({ "--concurrency", "100" }, { url = middle.url })
    queue:enqueue("note")
    await_line('"event":"completed"')

    middle:mute("taskq control") -- so that it does not know what became of the first of them
    queue:fill(2000, "noop", { text = ("x"):rep(1500) })
    queue:await_count("completed", 2001, 60)
    middle:cut("taskq control")

    await_line('"event":"dropped","at":"[^"]*","worker":"[^"]*","count":%d+}')
    worker.stop(running)
    stop()
    middle:close()
  end)

  it("ends with its reader, whether there is something to write or not", function()
    for _, reader in ipairs { "true", "head -n 1" } do
      local script = ('"%s" events --follow | %s; echo "${PIPESTATUS[0]}" >&2'):format(
        taskq.program, reader)
      forget_followers()
      local shell = process.start({ "bash", "-c", script }, { env = { DATABASE_URL = queue.url } })
      if reader ~= "true" then
        await_heard()
        queue:enqueue("note")
        queue:enqueue("note")
      end

      shell:wait()

      assert.equal("0\n", shell:stderr())
    end
  end)

  it("goes on after an outage, and says so", function()
    local middle = proxy.new(queue.url)
    follow({}, middle.url)
    queue:enqueue("note")
    await_line("created[^\n]*\n")

    middle:cut("taskq events")
    wait.wait_until(30, function()
      return follower:stderr():find("taskq: connected again", 1, true)
    end, "a new connection")
    queue:enqueue("other:note")

    await_line("created[^\n]*other:note\n")
    assert.matches("^taskq: no connection; trying again: [^\n]+\ntaskq: connected again; "
      .. "what happened meanwhile is not shown\n$", follower:stderr())
    stop()
    middle:close()
  end)

  it("follows, and nothing else", function()
    local result = taskq.run({ "events" }, { database = queue.url })

    assert.equal(2, result.code)
    assert.equal("taskq: events are shown as they happen: taskq events --follow; what has happened "
      .. "is told by `taskq list` and `taskq show`\n", result.err)
  end)
end)
