--- listeners/alerts.lua: run by `taskq test`.

local testing = require "taskq.testing"

describe("alerts", function()
  before_each(testing.reset)

  local function fail(max_attempts)
    local payload = { source = "none.csv", group_by = "a", sum = "b" }
    return testing.run("report:generate", payload, { max_attempts = max_attempts })
  end

  it("say nothing while a task is tried again", function()
    testing.mail({ error = "greylisted", code = 451 })

    local outcome = testing.run("email:send",
      { to = "ada@mail.example", template = "welcome", name = "Ada", plan = "free" })

    assert.equal("pending", outcome.status)
    assert.same({}, testing.logs)
  end)

  it("go to the log without a recipient", function()
    local outcome = fail(1)

    assert.equal("failed", outcome.status)
    assert.equal(1, #testing.logs)
    assert.equal("warn", testing.logs[1].level)
    assert.equal("alert: Task 1 (report:generate) failed after 1 of 1 attempts: "
      .. outcome.error, testing.logs[1].message)
    assert.same({}, testing.mails)
  end)
end)
