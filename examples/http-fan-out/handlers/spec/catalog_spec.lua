local testing = require "taskq.testing"

local API = "https://api.example"

describe("a catalog", function()
  before_each(testing.reset)

  it("becomes a task for each product, 20 ms apart", function()
    testing.http("GET", API .. "/products", { json = { 1, 2, 3 } })
    testing.http("GET", API .. "/products/*", { json = { name = "tea", price = 3.5 } })
    testing.enqueue { type = "catalog:sync", payload = { url = API } }
    local before = testing.now()

    local outcomes = testing.drain()

    assert.equal(4, #outcomes)
    assert.equal(3, outcomes[1].result.enqueued)
    assert.same({ name = "tea", price = 3.5 }, outcomes[4].result)
    assert.equal(60, testing.now() - before)
  end)

  it("comes back when it is asked to slow down", function()
    testing.http("GET", "*", { status = 429 }, { json = { name = "tea", price = 1 } })

    local outcome = testing.run("product:fetch", { url = API .. "/products/1" })

    assert.equal("pending", outcome.status)
    assert.equal(0, outcome.task.attempts)
    assert.equal("completed", testing.advance(1000)[1].status)
  end)

  it("gives up on what is not there, not on a server that is down", function()
    testing.http("GET", "*/gone", { status = 404 })
    testing.http("GET", "*/down", { status = 503 })

    assert.equal("failed", testing.run("product:fetch", { url = API .. "/gone" }).status)
    assert.equal("pending", testing.run("product:fetch", { url = API .. "/down" }).status)
  end)
end)
