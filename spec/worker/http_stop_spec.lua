--- Requests whose task ends first: the connection is closed at once, and nothing stays behind.

local http = require "support.http"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

local TIMEOUT = 6 -- exit code: tasks had to be interrupted

describe("a request", function()
  local queue, server

  before_each(function()
    queue, server = worker.queue(), http.start()
  end)

  after_each(function()
    queue:close()
    server.process:kill("sigkill")
  end)

  local function enqueue(path, kind)
    return queue:enqueue(kind or "http:fetch", {
      request = { url = server.url .. path, timeout = 3600 * 1000 },
      second = server.url .. "/status/201",
    }, { max_attempts = 1 })
  end

  local function cancel(id)
    assert.equal(0, taskq.run({ "cancel", tostring(id) }, { database = queue.url }).code)
  end

  it("ends with its task when that is cancelled; others go on", function()
    local process = queue:start { "--threads", "1" }
    local other = enqueue("/delay/300")
    local id = enqueue("/silent/a")
    server:await_requests(2)

    cancel(id)

    server:await_left(1)
    queue:await_count("cancelled", 1)
    queue:await_count("completed", 1)
    assert.equal("completed", queue:task(other).status)
    worker.stop(process)
  end)

  it("ends with its task when that is out of time", function()
    local process = queue:start()
    local id = enqueue("/half/a", "http:short")

    server:await_left(1)

    queue:await_count("failed", 1)
    assert.equal("timeout: the task ran longer than 1000 ms", queue:task(id).error)
    worker.stop(process)
  end)

  it("is given up for the error that lets a handler clean up", function()
    local process = queue:start()
    local id = enqueue("/silent/a", "http:clean")

    server:await_left(1)

    queue:await_count("completed", 1)
    assert.equal("201", queue:task(id).result)
    assert.matches("^false timeout: the task ran longer", queue:notes()[1])
    worker.stop(process)
  end)

  it("ends when the worker is told to stop for the second time", function()
    local process = queue:start { "--shutdown-timeout", "1h" }
    enqueue("/silent/a")
    enqueue("/half/a")
    server:await_requests(2)
    process:kill("sigterm")
    worker.await_log(process, "draining")

    process:kill("sigterm")

    assert.equal(TIMEOUT, process:wait())
    server:await_left(2)
    assert.equal(2, queue:count("pending"))
    assert.is_nil(process:stderr():find("a handle was left", 1, true))
  end)

  it("may go on while the worker drains", function()
    local process = queue:start()
    local id = enqueue("/delay/300")
    server:await_requests(1)

    worker.stop(process)

    assert.equal("completed", queue:task(id).status)
  end)

  it("leaves no descriptor behind", function()
    local process = queue:start { "--threads", "1" }
    enqueue("/status/200")
    queue:await_count("completed", 1)
    local before = worker.count_descriptors(process)
    local ids = {}
    for i = 1, 20 do
      ids[i] = enqueue(i % 2 == 0 and "/silent/a" or "/half/a")
    end
    server:await_requests(6) -- as many as run at once, and the first

    for _, id in ipairs(ids) do
      cancel(id)
    end

    queue:await_count("cancelled", 20)
    wait.wait_until(30, function()
      return worker.count_descriptors(process) <= before
    end, function()
      return ("%d descriptors or fewer; %d are open"):format(before,
        worker.count_descriptors(process))
    end)
    worker.stop(process)
  end)
end)
