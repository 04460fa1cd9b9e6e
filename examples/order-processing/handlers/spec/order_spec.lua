local testing = require "taskq.testing"

describe("an order", function()
  before_each(testing.reset)

  it("is taken from the stock, shipped and confirmed", function()
    testing.query("update shop.stock", { { customer = "ada@mail.example" } })
    testing.query("insert into shop.shipments", { { id = 7 } })
    testing.enqueue { type = "order:process", payload = { order_id = 1 } }

    local outcomes = testing.drain()

    assert.same({ shipped = true, shipment = 7 }, outcomes[1].result, outcomes[1].error)
    assert.is_true(testing.transactions[1].is_committed)
    assert.equal("ada@mail.example", testing.mails[1].to)
  end)

  it("is completed without a shipment when there is too little", function()
    testing.query("update shop.stock", {})

    local outcome = testing.run("order:process", { order_id = 1 })

    assert.same({ shipped = false, reason = "out of stock" }, outcome.result)
    assert.same({}, testing.enqueued)
  end)

  it("leaves nothing behind when a statement fails", function()
    testing.query("update shop.stock", { { customer = "ada@mail.example" } })
    testing.query("insert into shop.shipments", { error = "disk full", code = "53100" })

    local outcome = testing.run("order:process", { order_id = 1 })

    assert.equal("pending", outcome.status)
    assert.is_false(testing.transactions[1].is_committed)
    assert.equal(1, #testing.tasks())
  end)
end)
