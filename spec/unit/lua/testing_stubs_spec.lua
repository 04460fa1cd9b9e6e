--- What taskq.testing puts in the place of the network, of programs and of the database.

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

--- What the body returns, as a list of exactly three.
local function values_of(body)
  local values
  attempt(function() values = table.pack(body()) end)
  return { values[1], values[2], values[3] }
end

describe("taskq.testing", function()
  before_each(function() testing.reset { handlers = "/no/such/folder" } end)

  describe("mail", function()
    it("answers as it is told, then as it was told last", function()
      testing.mail({ error = "greylisted", code = 450 }, true)
      local function send()
        return taskq.mail { to = "ada@mail.example", text = "Hi" }
      end

      assert.same({ nil, "greylisted", 450 }, values_of(send))
      assert.same({ true }, values_of(send))
      assert.same({ true }, values_of(send))
      assert.equal(3, #testing.mails)
    end)
  end)

  describe("http", function()
    it("answers by method and URL, the newest stub first", function()
      testing.http("GET", "https://api.example/*", { json = { n = 1 } })
      testing.http("GET", "https://api.example/gone", { status = 410 })
      local statuses = {}

      local outcome = attempt(function()
        for i, path in ipairs { "a?b=c.d", "gone" } do
          statuses[i] = taskq.http.get("https://api.example/" .. path).status
        end
        return taskq.http { url = "https://api.example/x" }.json().n
      end)

      assert.equal(1, outcome.result, outcome.error)
      assert.same({ 200, 410 }, statuses)
    end)

    it("records what was asked", function()
      testing.http("POST", "*", { status = 201, headers = { ["X-Id"] = 7 }, body = "made" })

      local outcome = attempt(function()
        local answer = taskq.http.post("https://api.example/", {
          json = { 1.0 }, headers = { Accept = "text/plain" },
        })
        return { answer.status, answer.headers["x-id"], answer.body, answer.url }
      end)

      assert.same({ 201, "7", "made", "https://api.example/" }, { table.unpack(outcome.result) })
      local request = testing.requests[1]
      assert.equal("POST", request.method)
      assert.equal("[1.0]", request.body)
      assert.equal("text/plain", request.headers.accept)
      assert.equal("application/json", request.headers["content-type"])
    end)

    it("computes answers, fails, and takes its time", function()
      testing.http("*", "*", function(request) return { body = request.method } end,
        { error = "Could not connect", code = 7 }, { delay = 40000 })
      local before = testing.now()
      local function put() return taskq.http { url = "http://a.example/", method = "put" } end

      assert.equal("PUT", values_of(put)[1].body)
      assert.same({ nil, "Could not connect", 7 }, values_of(put))
      assert.same({ nil, "http: no answer within 30000 ms", 28 }, values_of(put))
      assert.equal(before + 30000, testing.now())
    end)

    it("fails the test on a request that no stub answers, even when it is caught", function()
      testing.http("GET", "https://api.example/", { status = 200 })

      assert.has_error(function()
        attempt(function() pcall(taskq.http, { url = "https://api.example/other" }) end)
      end, 'taskq.http: no stub answers GET https://api.example/other; '
        .. 'add testing.http("GET", "https://api.example/other", { status = 200 })')
    end)

    it("refuses what the worker would", function()
      for _, options in ipairs { { uri = "x" }, {}, { url = 7 }, { url = "x", timeout = "1s" } } do
        local refused = attempt(function() taskq.http(options) end)
        assert.matches("^%S+/testing_stubs_spec.lua:%d+: taskq%.http: ", refused.error)
      end
    end)
  end)

  describe("spawn", function()
    it("answers by the program's name and records the command", function()
      testing.spawn("sort", function(command)
        return { stdout = command.stdin:upper(), stderr = "done" }
      end)
      testing.spawn("/opt/*/convert", { code = 3 })

      local outcome = attempt(function()
        return {
          taskq.spawn { "/usr/bin/sort", "-n", 1, stdin = "a" }, taskq.spawn { "/opt/im/convert" },
        }
      end)

      assert.same({ code = 0, stdout = "A", stderr = "done" }, outcome.result[1])
      assert.equal(3, outcome.result[2].code)
      assert.same({ "/usr/bin/sort", "-n", "1", stdin = "a", env = {} }, testing.spawned[1])
    end)

    it("answers os.execute and io.popen", function()
      testing.spawn("date", { stdout = "Monday\n" })
      testing.spawn("mail", function(command)
        return { code = command.stdin == "Hello, Ada" and 0 or 1 }
      end)
      testing.spawn("false", { code = 1 })
      local place = folder.new()
      folder.write(place .. "/shell.lua", [[
        return { type = "shell", handler = function()
          local pipe = io.popen("mail ada", "w")
          pipe:write("Hello, ", "Ada")
          local _, how, code = os.execute("false")
          return { io.popen("date -u"):read("l"), pipe:close(), how, code }
        end }]])

      local outcome = testing.run(place .. "/shell.lua")

      assert.same({ "Monday", true, "exit", 1 }, { table.unpack(outcome.result or {}) },
        outcome.error)
    end)

    it("fails the test on a program that no stub answers", function()
      assert.has_error(function() attempt(function() taskq.spawn { "rm", "-r" } end) end,
        'taskq.spawn: no stub answers rm -r; add testing.spawn("rm", { stdout = "" })')
    end)
  end)

  describe("query", function()
    it("answers by a part of the SQL and records the values", function()
      testing.query("from ORDERS", { { id = 1 }, { id = 2 } })
      testing.query("update", { affected = 3 }, { error = "deadlock", code = "40P01" })

      local outcome = attempt(function()
        local rows = assert(taskq.query("select id\n  from   orders where a = $1", nil))
        local updated = taskq.query("update orders set a = $1", 5)
        local _, message, sqlstate = taskq.query("update orders")
        return { #rows, rows[2].id, rows.affected, updated.affected, message, sqlstate }
      end)

      assert.same({ 2, 2, 2, 3, "deadlock", "40P01" }, { table.unpack(outcome.result) })
      assert.equal(1, testing.queries[1].n)
      assert.equal(5, testing.queries[2][1])
    end)

    it("fails the test on SQL that no stub answers, and names the line of the spec", function()
      local here = debug.getinfo(1, "Sl")
      local is_done, message = pcall(attempt, function() taskq.query("select 1") end)

      assert.is_false(is_done)
      local place = ("%s:%d: "):format(here.short_src, here.currentline + 1)
      assert.equal(place .. "taskq.query: no stub answers this", message:match("^[^;]*"))
    end)
  end)

  describe("a transaction", function()
    it("completes the task, with what it enqueued", function()
      testing.query("insert into invoices", { { id = 7 } })

      local outcome = attempt(function(context)
        local id = context.transaction(function(db)
          local rows = db.query("insert into invoices default values returning id")
          db.enqueue { type = "mail" }
          taskq.enqueue { type = "joined" }
          return { invoice = rows[1].id }
        end)
        error("too late " .. id.invoice)
      end)

      assert.equal("completed", outcome.status)
      assert.same({ invoice = 7 }, outcome.result)
      assert.equal(3, testing.stats().total)
      assert.is_true(testing.transactions[1].is_committed)
      assert.equal(1, #testing.transactions[1].queries)
    end)

    it("that raises leaves nothing behind", function()
      local outcome = attempt(function(context)
        context.transaction(function(db)
          db.enqueue { type = "mail" }
          error("no", 0)
        end)
      end)

      assert.equal("pending", outcome.status)
      assert.equal("no", outcome.error)
      assert.equal(1, testing.stats().total)
      assert.is_false(testing.transactions[1].is_committed)
    end)
  end)

  describe("a transaction that is rolled back", function()
    local function transact(then_what)
      local returned
      local outcome = attempt(function(context)
        returned = table.pack(context.transaction(function(db)
          db.query("insert into a")
          db.query("insert into b")
          taskq.query("insert into c")
          db.enqueue { type = "mail" }
          return "result"
        end))
        return then_what
      end)
      return outcome, { returned[1], returned[2], returned[3] }
    end

    before_each(function() testing.query("insert", {}) end)

    it("by a statement that failed, whether or not anybody looked", function()
      testing.query("insert into b", { error = "duplicate", code = "23505" })

      local outcome, returned = transact()

      assert.same({ nil, "duplicate", "23505" }, returned)
      assert.equal("transaction", outcome.kind)
      assert.equal("duplicate", outcome.error)
      assert.equal("pending", outcome.status)
      assert.equal(1, #testing.tasks())
      assert.equal(3, #testing.transactions[1].queries)
    end)

    it("by its commit", function()
      testing.query("commit", { error = "a deferred constraint", code = "23503" })

      local outcome, returned = transact("handled")

      assert.same({ nil, "a deferred constraint", "23503" }, returned)
      assert.equal("completed", outcome.status)
      assert.equal("handled", outcome.result)
      assert.is_false(testing.transactions[1].is_committed)
    end)

    it("by a result that is not JSON", function()
      local outcome = attempt(function(context)
        context.transaction(function() return print end)
      end)

      assert.matches("%d: context.transaction: the result: a function is not JSON$", outcome.error)
      assert.is_false(testing.transactions[1].is_committed)
    end)
  end)

  describe("events", function()
    it("are recorded, and reach the listeners of the folder", function()
      local place = folder.new()
      folder.write(place .. "/work.lua", [[
        return { type = "work", max_attempts = 2, handler = function(context)
          return context.task.attempt == 2 and "done" or error("no", 0)
        end }]])
      folder.write(place .. "/listeners/log.lua", [[
        local taskq = require "taskq"
        for _, name in ipairs { "created", "started", "completed", "failed" } do
          taskq.on("worker-task:" .. name, function(event)
            taskq.log.info(name, { id = event.payload.task.id })
            error("harmless")
          end)
        end]])
      testing.reset { handlers = place }

      testing.enqueue { type = "work" }
      local outcomes = testing.drain()

      assert.equal("completed", outcomes[2].status)
      local names, logged = {}, {}
      for i, event in ipairs(testing.events) do
        names[i] = event.type:match(":(.*)")
      end
      for _, line in ipairs(testing.logs) do
        logged[#logged + 1] = line.level == "info" and line.message or nil
      end
      assert.same({ "created", "started", "failed", "started", "completed" }, names)
      assert.same(names, logged)
      local failed = testing.events[3].payload
      assert.is_true(failed.will_retry)
      assert.equal("no", failed.error.message)
      assert.equal("error", failed.error.kind)
      assert.equal("done", testing.events[5].payload.result)
    end)
  end)

  describe("a schema", function()
    local HANDLER = {
      type = "typed", handler = function() return "ran" end,
      payload = { to = "string", count = "integer?", tags = "array?", any = "any" },
    }

    it("is checked where the task is enqueued", function()
      testing.handle(HANDLER)

      local refused = attempt(function()
        taskq.enqueue { type = "typed", payload = { to = "x", any = 1, count = 1.5 } }
      end)

      assert.matches("taskq%.enqueue: payload%.count: must be an integer, not a number$",
        refused.error)
      assert.equal(1, #testing.tasks())
    end)

    it("is checked before the handler runs", function()
      testing.handle(HANDLER)
      testing.enqueue { type = "typed", payload = { to = "x" } }
      testing.enqueue { type = "typed", payload = {
        to = "x", any = taskq.json.array {}, tags = { 1 },
      } }

      local outcomes = testing.drain()

      assert.equal("payload", outcomes[1].kind)
      assert.equal("failed", outcomes[1].status)
      assert.equal("ran", outcomes[2].result)
    end)
  end)
end)
