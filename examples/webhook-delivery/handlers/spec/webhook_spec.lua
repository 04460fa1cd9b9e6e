local testing = require "taskq.testing"

local URL = "https://partner.example/hook"

describe("webhook:deliver", function()
  before_each(function() testing.reset { now = 1792567680000 } end) -- 2026-10-21 07:28:00 UTC

  local function deliver(...)
    testing.http("POST", URL, ...)
    return testing.run("webhook:deliver", { url = URL, event = "order.paid", data = { id = 1 } })
  end

  it("says what happened, and which event it is", function()
    assert.equal("completed", deliver({ status = 204 }).status)
    assert.same({ event = "order.paid", data = { id = 1 } }, testing.requests[1].json)
    assert.equal("1", testing.requests[1].headers["idempotency-key"])
  end)

  it("comes back when it is asked to", function()
    for text, ms in pairs {
      ["2"] = 2000,
      ["Wed, 21 Oct 2026 07:30:00 GMT"] = 120000,
      ["Thu, 29 Feb 2024 00:00:00 GMT"] = 0,
      ["Thu, 01 Jan 2037 00:00:00 GMT"] = 24 * 3600 * 1000,
    } do
      local outcome = deliver { status = 503, headers = { ["Retry-After"] = text } }

      assert.equal("pending", outcome.status)
      assert.equal(ms, outcome.retry_in, text)
    end
  end)

  it("keeps its own pace when it is not", function()
    assert.equal(6000, deliver({ status = 500 }).retry_in)
    assert.equal(6000, deliver({ error = "no connection", code = 7 }).retry_in)
    assert.equal(6000, deliver({ status = 503, headers = { ["Retry-After"] = "soon" } }).retry_in)
  end)

  it("gives up on a receiver that does not want the event", function()
    for _, status in ipairs { 301, 400, 404, 410 } do
      assert.equal("failed", deliver({ status = status }).status)
    end
    assert.equal("pending", deliver({ status = 429 }).status)
  end)

  it("gives up after three days", function()
    testing.http("POST", URL, { status = 503, headers = { ["Retry-After"] = "86400" } })
    testing.enqueue { type = "webhook:deliver", payload = { url = URL, event = "x", data = 1 } }

    local outcomes = testing.drain()

    assert.equal(4, #outcomes)
    assert.equal("max age", outcomes[4].kind)
  end)
end)
