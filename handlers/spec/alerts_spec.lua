--- listeners/alerts.lua: run by `taskq test`.

local testing = require "taskq.testing"

describe("alerts", function()
  before_each(testing.reset)

  local function fail(max_attempts)
    testing.run({
      type = "x", max_attempts = max_attempts,
      handler = function() return { success = false, error = "no such file" } end,
    }, {})
  end

  it("say nothing while a task is tried again", function()
    fail(2)

    assert.same({}, testing.logs)
  end)

  it("go to the log without a recipient", function()
    fail(1)

    assert.equal(1, #testing.logs)
    assert.equal("warn", testing.logs[1].level)
    assert.equal("alert: Task 1 (x) failed after 1 of 1 attempts: no such file",
      testing.logs[1].message)
    assert.same({}, testing.mails)
  end)
end)
