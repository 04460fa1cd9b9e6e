--- handlers/listeners/alerts.lua in the real worker.

local uv = require "luv"
local database = require "support.database"
local folder = require "support.folder"
local taskq = require "support.taskq"

describe("an alert", function()
  local url, place

  before_each(function() url, place = database.fresh(), folder.new() end)

  -- A report whose file is not there fails for good.
  local function fail(env)
    local enqueued = taskq.run({ "enqueue", "report:generate", "--max-attempts", "1",
      '{"source": "none.csv", "group_by": "a", "sum": "b"}' }, { database = url })
    assert.equal(0, enqueued.code, enqueued.err)
    local result = taskq.run({ "worker", "--until-empty", "--handlers", uv.cwd() .. "/handlers" },
      { database = url, cwd = place, env = env, timeout = 60 })
    assert.equal(0, result.code, result.err)
    return result.err
  end

  it("is mailed to ALERT_MAIL_TO", function()
    fail { ALERT_MAIL_TO = "ops@mail.example", MAIL_OUTBOX = place .. "/outbox",
      MAIL_FROM = "queue@mail.example" }

    local name = uv.fs_scandir_next(uv.fs_scandir(place .. "/outbox"))
    local mail = folder.read(place .. "/outbox/" .. name)
    assert.matches("\nTo: ops@mail%.example", mail)
    assert.matches("Subject: Task 1 %(report:generate%) failed", mail)
    assert.matches("failed after 1 of 1 attempts", mail)
  end)

  it("that cannot be mailed is a line of the log", function()
    local log = fail { ALERT_MAIL_TO = "ops@mail.example", SMTP_URL = "smtp://127.0.0.1:1",
      MAIL_FROM = "queue@mail.example" }

    assert.matches('error listener the alert was not sent task=1 type=report:generate', log)
  end)
end)
