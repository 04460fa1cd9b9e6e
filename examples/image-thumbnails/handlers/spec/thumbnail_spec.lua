local testing = require "taskq.testing"

describe("image:thumbnail", function()
  local source

  before_each(function()
    testing.reset()
    source = os.tmpname()
    local file <close> = assert(io.open(source, "w"))
    assert(file:write("a picture"))
  end)

  after_each(function() os.remove(source) end)

  local function run(more)
    local payload = { source = source, target = "small/1.png" }
    for name, value in pairs(more or {}) do
      payload[name] = value
    end
    return testing.run("image:thumbnail", payload)
  end

  it("gives the picture to the program and keeps what it answers", function()
    testing.spawn("thumbnail.py", { stdout = "PNG" })

    local outcome = run { size = 32 }

    assert.same({ target = "small/1.png", bytes = 3 }, outcome.result, outcome.error)
    assert.equal("PNG", testing.files["small/1.png"])
    assert.equal("a picture", testing.spawned[1].stdin)
    assert.equal("32", testing.spawned[1][2])
  end)

  it("gives up on a picture that is none", function()
    testing.spawn("*", { code = 1, stderr = "not a picture" })

    local outcome = run()

    assert.equal("failed", outcome.status)
    assert.equal("not a picture", outcome.error)
  end)

  it("tries again when the program could not run", function()
    testing.spawn("*", { error = "timeout" })

    assert.equal("pending", run().status)
  end)
end)
