local testing = require "taskq.testing"

describe("report:nightly", function()
  before_each(function()
    testing.reset()
    testing.query("from shop.orders", { { region = "north", orders = 2, amount = "30.50" } })
  end)

  it("writes and mails the day's sales", function()
    local outcome = testing.run("report:nightly", { day = "2026-01-31" })

    assert.same({ path = "reports/2026-01-31.csv", regions = 1 }, outcome.result, outcome.error)
    assert.equal("region,orders,amount\nnorth,2,30.50\n", testing.files["reports/2026-01-31.csv"])
    assert.equal("Sales of 2026-01-31", testing.mails[1].subject)
    assert.equal("2026-01-31", testing.queries[1][1])
  end)

  it("asks for the next day's report at the end of that day", function()
    testing.run("report:nightly", { day = "2026-01-31" })

    local next_report = testing.transactions[1].enqueued[1]
    assert.equal("2026-02-01", next_report.payload.day)
    assert.equal("2026-02-02 00:00", os.date("!%Y-%m-%d %H:%M", next_report.scheduled_at // 1000))
  end)

  it("tries again when the database does not answer", function()
    testing.query("from shop.orders", { error = "the connection was lost" })

    assert.equal("pending", testing.run("report:nightly", { day = "2026-01-31" }).status)
    assert.same({}, testing.mails)
  end)
end)
