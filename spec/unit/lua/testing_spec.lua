--- taskq.testing itself: its clock, its queue, its stubs, and what it says to the author of a spec.
--- That handlers end as in the worker is in spec/worker/testing_spec.lua.

local folder = require "support.folder"
local testing = require "taskq.testing"
local taskq = require "taskq"

--- Runs the body as a handler, once, and returns the outcome.
local function attempt(body, fields)
  local handler = { type = "test", handler = body }
  for name, value in pairs(fields or {}) do
    handler[name] = value
  end
  return testing.run(handler)
end

local function types_of(outcomes)
  local types = {}
  for i, outcome in ipairs(outcomes) do
    types[i] = outcome.task.type
  end
  return types
end

describe("taskq.testing", function()
  before_each(function() testing.reset { handlers = "/no/such/folder" } end)

  describe("run", function()
    it("loads a handler by its type, its file, or as a table", function()
      local place = folder.new()
      folder.write(place .. "/lib/words.lua", 'return { hello = "Hello, " }')
      folder.write(place .. "/deep/greet.lua", [[
        local words = require "words"
        return { type = "greet", handler = function(context)
          return words.hello .. context.task.payload.name
        end }]])
      folder.write(place .. "/deep/greet_spec.lua", "not Lua")
      folder.write(place .. "/spec/other.lua", "not Lua")
      testing.reset { handlers = place }

      assert.equal("Hello, Ada", testing.run("greet", { name = "Ada" }).result)
      assert.equal("Hello, Bo", testing.run(place .. "/deep/greet.lua", { name = "Bo" }).result)
      assert.equal(3, testing.run({ type = "x", handler = function() return 3 end }).result)
    end)

    it("says which handlers a file has when it has several", function()
      local place = folder.new()
      folder.write(place .. "/two.lua", [[
        return { { type = "a", handler = print }, { type = "b", handler = print } }]])

      assert.has_error(function() testing.run(place .. "/two.lua") end)
      assert.equal("b", testing.run(place .. "/two.lua", {}, { type = "b" }).task.type)
    end)

    it("refuses what is no handler, and names it", function()
      local place = folder.new()
      folder.write(place .. "/bad.lua", 'return { type = "a", handler = print, timeout = "5s" }')
      testing.reset { handlers = place }

      assert.has_error(function() testing.run("a") end,
        place .. '/bad.lua: timeout: must be a number of milliseconds, 1 or more, not "5s"')
      assert.has_error(function() testing.run { type = "a" } end,
        "the handler: handler: must be a function, not nil")
      assert.has_error(function() testing.run { type = "a", handler = print, Timeout = 1 } end,
        'the handler: unknown field "Timeout" (did you mean "timeout"?)')
    end)

    it("passes payload and result through the codec", function()
      local outcome = testing.run({
        type = "echo",
        handler = function(context) return context.task.payload end,
      }, { n = 9007199254740993, f = 1.0, list = taskq.json.array {}, object = {} })

      assert.equal(9007199254740993, outcome.result.n)
      assert.equal("float", math.type(outcome.result.f))
      assert.equal("[]", taskq.json.encode(outcome.result.list))
      assert.equal("{}", taskq.json.encode(outcome.result.object))
    end)

    it("shows a later attempt as one", function()
      local seen
      testing.run({
        type = "late", handler = function(context) seen = context.task.attempt end,
      }, {}, { attempt = 3 })

      assert.equal(3, seen)
    end)
  end)

  describe("the clock", function()
    it("stands still but for what waits", function()
      local before = testing.now()

      attempt(function() taskq.sleep(1500.5) end)

      assert.equal(before + 1501, testing.now())
      assert.equal(testing.now(), taskq.now())
    end)

    it("runs a retry when its time has come", function()
      local outcome = attempt(function(context)
        return context.task.attempt == 2 and "done" or error("no")
      end, { backoff = { kind = "fixed", base = 5000, jitter = 0.5 } })

      assert.equal("pending", outcome.status)
      assert.equal(5000, outcome.retry_in)
      assert.same({}, testing.advance(4999))
      assert.equal("done", testing.advance(1)[1].result)
    end)

    it("jitters retries only when asked to", function()
      testing.jitter(1)

      local outcome = attempt(error, { backoff = { kind = "fixed", base = 1000, jitter = 0.5 } })

      assert.equal(1500, outcome.retry_in)
    end)
  end)

  describe("drain", function()
    it("runs by due time and priority, with what handlers enqueue", function()
      testing.handle {
        { type = "low", handler = function()
          taskq.enqueue { type = "late", delay = 60000 }
          taskq.enqueue { type = "high", priority = 9 }
        end },
        { type = "high", handler = function() end },
        { type = "late", handler = function() end },
      }
      testing.enqueue { type = "late", delay = 1 }
      testing.enqueue { type = "low" }
      testing.enqueue { type = "low" }

      local outcomes = testing.drain()

      assert.same({ "low", "high", "low", "high", "late", "late", "late" }, types_of(outcomes))
      assert.same({ pending = 0, running = 0, completed = 7, failed = 0, cancelled = 0, total = 7 },
        testing.stats())
      assert.equal(4, #testing.enqueued)
    end)

    it("leaves types that nobody handles", function()
      testing.enqueue { type = "unknown" }

      assert.same({}, testing.drain())
      assert.equal("pending", testing.tasks(1).status)
    end)

    it("does not hang when a handler snoozes for ever", function()
      testing.handle {
        type = "later", handler = function() return { success = false, snooze = 1 } end,
      }
      testing.enqueue { type = "later" }

      assert.has_error(testing.drain,
        "testing.drain: 10000 attempts, and tasks are left; does a handler snooze for ever?")
    end)

    it("ends when the worker shuts down, and goes on in the next one", function()
      local steps = 0
      testing.handle {
        type = "long",
        handler = function(context)
          while steps < 10 do
            if context.is_shutting_down() then
              return { success = false, error = "shutting down" }
            end
            taskq.sleep(100)
            steps = steps + 1
          end
          return steps
        end,
      }
      testing.enqueue { type = "long" }
      testing.shut_down(300)

      local outcomes = testing.drain()

      assert.equal(1, #outcomes)
      assert.equal("pending", outcomes[1].status)
      assert.equal("interrupted", outcomes[1].kind)
      assert.equal(0, testing.tasks(1).attempts)
      assert.equal(3, steps)

      testing.restart()
      assert.equal(10, testing.drain()[1].result)
    end)
  end)

  describe("cancelling", function()
    it("ends a task that waits in the queue", function()
      local task = testing.enqueue { type = "any" }

      assert.equal("cancelled", taskq.cancel(task.id))
      assert.equal("cancelled", testing.tasks(task.id).status)
      assert.same({ nil, "there is no task 77", "TQ001" }, { taskq.cancel(77) })
      assert.same({ nil, "task 1 is cancelled already", "TQ002" }, { taskq.cancel(1) })
      assert.equal("retried", taskq.retry(task.id))
      assert.equal("pending", testing.tasks(task.id).status)
      assert.same({ nil, "task 1 is pending, neither failed nor cancelled", "TQ002" },
        { taskq.retry(1) })
    end)

    it("tells a task that runs, once", function()
      local seen
      local outcome = attempt(function(context)
        taskq.cancel(context.task.id)
        local _, message = pcall(taskq.sleep, 1)
        seen = { message, context.is_cancelled() }
        error("cleaned up", 0)
      end)

      assert.same({ "cancelled: the task was cancelled while it ran", true }, seen)
      assert.equal("cancelled", outcome.status)
      assert.equal("cleaned up", outcome.error)
    end)

    it("comes too late for a task that succeeds all the same", function()
      local outcome = attempt(function(context)
        taskq.cancel(context.task.id)
        pcall(taskq.sleep, 1)
        return "made it"
      end)

      assert.equal("completed", outcome.status)
    end)

    it("stops a task that runs, whatever it catches", function()
      local outcome = attempt(function(context)
        assert.equal("requested", taskq.cancel(context.task.id))
        while true do
          pcall(taskq.sleep, 1)
        end
      end)

      assert.equal("cancelled", outcome.status)
      assert.equal("cancelled", outcome.kind)
    end)
  end)

  it("closes what a stopped handler has left open", function()
    local closed = false
    attempt(function(context)
      local _ <close> = setmetatable({}, { __close = function() closed = true end })
      taskq.cancel(context.task.id)
      taskq.sleep(1)
    end)

    assert.is_true(closed)
  end)

  it("keeps what handlers log, print and report", function()
    local outcome = attempt(function(context)
      taskq.log.warn("careful", { n = 1 })
      context.progress(0.5, "half")
      context.progress(1)
    end)

    assert.same({ level = "warn", message = "careful", fields = { n = 1 }, task = 1 },
      outcome.logs[1])
    assert.same({ { fraction = 0.5, message = "half" }, { fraction = 1 } }, outcome.progress)
    assert.equal("failed", attempt(function(context) context.progress(2) end,
      { max_attempts = 1 }).status)
  end)

  it("keeps files and mails, and sends nothing", function()
    local outcome = attempt(function()
      assert(taskq.file.write("/no/such/place/x.txt", "text"))
      return { taskq.mail { to = "ada@mail.example", subject = "Hello", text = "Hi" } }
    end)

    assert.same({ true }, outcome.result)
    assert.equal("text", testing.files["/no/such/place/x.txt"])
    assert.equal("Hello", testing.mails[1].subject)
    local refused = attempt(function() taskq.mail { to = 7, text = "x" } end)
    assert.matches("taskq.mail: to: must be a string", refused.error)
  end)

  it("empties itself on reset", function()
    testing.enqueue { type = "x" }
    testing.http("GET", "*", { status = 200 })
    attempt(function() taskq.log.info("x") end)

    testing.reset()

    assert.same({}, testing.tasks())
    assert.same({}, testing.logs)
    assert.has_error(function()
      attempt(function() taskq.http { url = "http://a.example/" } end)
    end)
  end)
end)
