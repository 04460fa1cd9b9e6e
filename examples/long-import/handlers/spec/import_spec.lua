local testing = require "taskq.testing"

describe("import:customers", function()
  local path

  before_each(function()
    testing.reset()
    path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    for id = 1, 10 do
      assert(file:write(id, ",Customer ", id, "\n"))
    end
  end)

  after_each(function() os.remove(path) end)

  -- The database of this spec: one place and a list of rows.
  local function database()
    local state = { rows = {} }
    testing.query("select place", function()
      return state.place and { { place = state.place, rows = #state.rows } } or {}
    end)
    testing.query("insert into shop.customers", function(query)
      state.place = query[2]
      table.move(query[4], 1, #query[4], #state.rows + 1, state.rows)
      if state.on_batch then
        state.on_batch()
      end
      return { affected = 1 }
    end)
    return state
  end

  it("reads everything, in batches, and says how far it is", function()
    local state = database()

    local outcome = testing.run("import:customers", { file = path, batch = 4 })

    assert.same({ rows = 10 }, outcome.result, outcome.error)
    assert.equal(10, #state.rows)
    assert.same({ id = 10, name = "Customer 10" }, state.rows[10])
    assert.equal(3, #outcome.progress)
    assert.same({ fraction = 1.0, message = "10 rows" }, outcome.progress[3])
  end)

  it("goes on where it stopped for a worker that shuts down", function()
    local state = database()
    state.on_batch = testing.shut_down
    testing.enqueue { type = "import:customers", payload = { file = path, batch = 4 } }

    testing.drain()
    assert.equal(4, #state.rows)
    assert.equal("pending", testing.tasks(1).status)
    assert.equal(0, testing.tasks(1).attempts)

    state.on_batch = nil
    testing.restart()
    assert.same({ rows = 10 }, testing.drain()[1].result)
    assert.equal(10, #state.rows)
  end)

  it("goes on where it stopped for an error", function()
    local state = database()
    state.on_batch = function()
      state.on_batch = nil
      error("the connection was lost")
    end
    testing.enqueue { type = "import:customers", payload = { file = path, batch = 4 } }

    local outcomes = testing.drain()

    assert.equal("completed", outcomes[2].status)
    assert.equal(10, #state.rows)
  end)
end)
