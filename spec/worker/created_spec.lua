--- Listeners of worker-task:created, and of failures whose worker is gone.

local cjson = require "cjson"
local uv = require "luv"
local wait = require "support.wait"
local worker = require "support.worker"

local FOLDER = uv.cwd() .. "/spec/fixtures/handlers/listening"
local HANDLERS = { "--handlers", FOLDER }

describe("a listener of new tasks", function()
  local queue

  before_each(function() queue = worker.queue() end)
  after_each(function() queue:close() end)

  local function notes(event)
    local list = {}
    for _, line in ipairs(queue:notes()) do
      local note = cjson.decode(line)
      if note.event == "worker-task:" .. event and not note.extra then
        list[#list + 1] = note
      end
    end
    return list
  end

  local function await_notes(event, count)
    wait.wait_until(30, function() return #notes(event) >= count end, event)
    return notes(event)
  end

  local function await_promise()
    queue:await(30, "a promise to hear", [[
      select last_value > extract(epoch from clock_timestamp()) * 1000 from taskq.heard_until]])
  end

  it("is told of each of them, of any type", function()
    local process = queue:start(HANDLERS)
    await_promise()

    local one = queue:enqueue("hear:succeed", { n = 1 })
    local two = queue:enqueue("nobody:knows", { n = 2 }, { max_attempts = 7 })

    local seen = {}
    for _, note in ipairs(await_notes("created", 2)) do
      seen[note.id] = note
    end
    assert.equal("hear:succeed", seen[one].type)
    assert.equal(3, seen[one].max_attempts)
    assert.equal("nobody:knows", seen[two].type)
    assert.equal(7, seen[two].max_attempts)
    worker.stop(process)
    assert.equal(2, #notes("created"))
  end)

  it("is told in every process, once in each", function()
    local first, second = queue:start(HANDLERS), queue:start(HANDLERS)
    await_promise()
    worker.await_log(second, "registered")

    queue:enqueue("nobody:knows")

    await_notes("created", 2)
    worker.stop(first)
    worker.stop(second)
    assert.equal(2, #notes("created"))
  end)

  it("is told of at most 100 of a statement", function()
    local process = queue:start(HANDLERS)
    await_promise()

    queue:fill(300, "nobody:knows")
    queue:enqueue("hear:succeed") -- told after them, but perhaps on another thread
    wait.wait_until(30, function()
      local all, told = notes("created"), {}
      for _, note in ipairs(all) do
        told[note.type] = true
      end
      return #all >= 101 and told["hear:succeed"]
    end, "the last one")

    worker.stop(process)
    assert.equal(101, #notes("created"))
  end)

  it("is the only reason for inserts to tell", function()
    local process = queue:start()
    queue:enqueue("noop")
    queue:await_count("completed", 1)
    worker.stop(process)

    assert.equal(0, queue.db:value("select last_value from taskq.heard_until"))
  end)

  it("is told when the worker of a task is gone, and whether it runs again", function()
    local lost = queue:enqueue("hear:endless", nil, { max_attempts = 1 })
    local retried = queue:enqueue("hear:succeed", { gate = queue.gate })
    local first = queue:start(HANDLERS)
    await_notes("started", 2)
    queue:kill(first)
    queue:open_gate()

    local second = queue:start(HANDLERS)

    local seen = {}
    for _, note in ipairs(await_notes("failed", 2)) do
      seen[note.id] = note
    end
    assert.same({ message = "the worker that ran this task is gone", kind = "lease expired" },
      seen[lost].error)
    assert.is_false(seen[lost].will_retry)
    assert.is_true(seen[retried].will_retry)
    worker.stop(second)
    assert.equal(2, #notes("failed"))
  end)
end)
