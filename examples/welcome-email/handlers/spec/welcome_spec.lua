local testing = require "taskq.testing"

local ADA = { to = "ada@mail.example", name = "Ada" }

describe("email:welcome", function()
  before_each(testing.reset)

  it("greets by name", function()
    assert.equal("completed", testing.run("email:welcome", ADA).status)
    assert.equal("Welcome, Ada", testing.mails[1].subject)
  end)

  it("tries again, later each time, when the server is busy", function()
    testing.mail({ error = "busy", code = 450 }, { error = "busy", code = 450 }, true)
    testing.enqueue { type = "email:welcome", payload = ADA }

    local outcomes = testing.drain()

    assert.equal(100, outcomes[1].retry_in)
    assert.equal(200, outcomes[2].retry_in)
    assert.equal("completed", outcomes[3].status)
  end)

  it("gives up on an address that does not exist", function()
    testing.mail({ error = "no such user", code = 550 })

    assert.equal("failed", testing.run("email:welcome", ADA).status)
  end)
end)
