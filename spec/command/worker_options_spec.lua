--- The options of `taskq worker`: each has a variable, each wrong value is told with where it came
--- from, and the nearer source wins.

local database = require "support.database"
local folder = require "support.folder"
local taskq = require "support.taskq"
local worker = require "support.worker"

-- What the seed of the program asks for, and what came with it: name, value, variable, default.
local OPTIONS = {
  { "handlers", "DIR", "JOB_HANDLERS", "./handlers" },
  { "concurrency", "N", "JOB_CONCURRENCY", "5" },
  { "task-types", "GLOB,...", "JOB_TASK_TYPES" },
  { "task-timeout", "DURATION", "JOB_TIMEOUT", "300000" },
  { "worker-id", "NAME", "JOB_WORKER_ID", "HOST:PID" },
  { "poll-interval", "DURATION", "JOB_POLL_INTERVAL", "1s" },
  { "lock-duration", "DURATION", "JOB_LOCK_DURATION", "300000" },
  { "stale-task-check-interval", "DURATION", "JOB_STALE_TASK_CHECK_INTERVAL", "60s" },
  { "shutdown-timeout", "DURATION", "JOB_SHUTDOWN_TIMEOUT", "30s" },
  { "keep-completed", "AGE", "JOB_KEEP_COMPLETED", "7d" },
  { "keep-failed", "AGE", "JOB_KEEP_FAILED", "30d" },
  { "keep-cancelled", "AGE", "JOB_KEEP_CANCELLED", "30d" },
  { "cleanup-interval", "DURATION", "JOB_CLEANUP_INTERVAL", "5m" },
  { "stuck-after", "DURATION", "JOB_STUCK_AFTER", "5s" },
  { "threads", "N", "JOB_THREADS", "0" },
  { "handler-connections", "N", "JOB_HANDLER_CONNECTIONS", "4" },
  { "pooler", "MODE", "JOB_POOLER" },
  { "listen-database", "URL", "JOB_LISTEN_DATABASE" },
}

local EXPECTED = {
  N = "is not a whole number", DURATION = "is not a duration", AGE = "is not an age",
}

describe("taskq worker", function()
  for _, option in ipairs(OPTIONS) do
    local name, value, variable, default = table.unpack(option)

    it(("--help tells what --%s takes, its default and its variable"):format(name), function()
      local line = taskq.run({ "worker", "--help" }).out:match(
        ("\n  (%%-%%-%s [^\n]*)"):format(name:gsub("%-", "%%-")))

      assert.is_string(line)
      assert.equal(("--%s %s "):format(name, value), line:sub(1, #name + #value + 4))
      assert.is_number(line:find("[" .. variable .. "]", 1, true), line)
      assert.is_true(not default or line:find("(default " .. default .. ")", 1, true) ~= nil, line)
    end)

    if EXPECTED[value] then
      it(("tells that --%s or %s is wrong"):format(name, variable), function()
        local flag = taskq.run({ "worker", "--" .. name, "soon" })
        local environment = taskq.run({ "worker" }, { env = { [variable] = "soon" } })

        assert.equal(2, flag.code)
        assert.is_number(flag.err:find(
          ('taskq: --%s: "soon" %s'):format(name, EXPECTED[value]), 1, true), flag.err)
        assert.equal(2, environment.code)
        assert.is_number(environment.err:find(
          ('taskq: %s: "soon" %s'):format(variable, EXPECTED[value]), 1, true), environment.err)
      end)
    end
  end

  it("has a documented variable for each of these, and documents no other", function()
    local text = folder.read("docs/command-line.md")

    for _, option in ipairs(OPTIONS) do
      assert.is_number(text:find(
        ("| `--%s %s` | `%s` |"):format(option[1], option[2], option[3]), 1, true), option[1])
    end
    for variable in text:gmatch("JOB_[A-Z_]+") do
      local is_known = false
      for _, option in ipairs(OPTIONS) do
        is_known = is_known or option[3] == variable
      end
      assert.is_true(is_known, variable)
    end
  end)

  describe("takes", function()
    local url

    setup(function() url = database.fresh() end)

    -- What a worker says of itself: the two lines at its start.
    local function start(flags, env)
      local result = taskq.run({ "worker", "--until-idle", table.unpack(flags) },
        { database = url, env = env })
      assert.equal(0, result.code, result.err)
      return result.err
    end

    local ENVIRONMENT = {
      JOB_HANDLERS = worker.HANDLERS, JOB_CONCURRENCY = "7", JOB_WORKER_ID = "environment",
      JOB_LOCK_DURATION = "3s", JOB_THREADS = "2", JOB_TASK_TYPES = "noop,note",
    }

    it("variables before defaults", function()
      local log = start({}, ENVIRONMENT)

      assert.matches("handlers=" .. worker.HANDLERS .. " ", log, 1, true)
      assert.matches(" types=2 ", log)
      assert.matches(" concurrency=7 threads=2\n", log)
      assert.matches("registered worker=environment .* lease_ms=3000\n", log)
    end)

    it("options before variables", function()
      local log = start({ "--concurrency", "3", "--worker-id=option", "--lock-duration", "4000",
        "--threads=1", "--task-types", "noop" }, ENVIRONMENT)

      assert.matches(" types=1 ", log)
      assert.matches(" concurrency=3 threads=1\n", log)
      assert.matches("registered worker=option .* lease_ms=4000\n", log)
    end)

    it("defaults where nothing else is said", function()
      local log = start({ "--handlers", worker.HANDLERS })

      assert.matches(" concurrency=5 ", log)
      assert.matches("registered worker=[^ ]+:%d+ .* lease_ms=20000\n", log)
    end)
  end)
end)
