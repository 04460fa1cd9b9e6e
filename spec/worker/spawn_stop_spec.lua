--- Programs whose task ends first: they are stopped, with what they have started, and nothing of
--- them stays in the worker.

local uv = require "luv"
local folder = require "support.folder"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

local TIMEOUT = 6 -- exit code: tasks had to be interrupted

-- Neither it nor its child minds SIGTERM; the child notes both.
local STUBBORN = [[trap '' TERM; sh -c 'echo $PPID $$ >pids.new; mv pids.new pids; sleep 3600']]

describe("a program", function()
  local queue, place

  before_each(function()
    queue, place = worker.queue(), folder.new()
  end)

  after_each(function()
    queue:close()
  end)

  local function enqueue(script, kind)
    return queue:enqueue(kind or "spawn:run",
      { request = { ["1"] = "sh", ["2"] = "-c", ["3"] = script or STUBBORN, cwd = place } },
      { max_attempts = 1 })
  end

  local function read_pids()
    local file <close> = io.open(place .. "/pids")
    local parent, child = (file and file:read("a") or ""):match("(%d+) (%d+)\n")
    return parent and { parent, child }
  end

  local function await_pids()
    return wait.wait_until(30, read_pids, "the program to start")
  end

  -- The program may run before the minder is told of it; then the only thread goes on.
  local function await_minded()
    queue:enqueue("noop")
    queue:await_count("completed", 1)
  end

  -- Whether a process is there. An orphan that has ended may stay a zombie until init looks.
  local function exists(pid)
    local file <close> = io.open(("/proc/%s/stat"):format(pid))
    local state = file and (file:read("a") or ""):match("%) (%a)")
    return state ~= nil and state ~= "Z"
  end

  -- Those of all its threads, zombies included.
  local function children_of(process)
    local found = ""
    local threads = ("/proc/%d/task"):format(process.pid)
    for thread in uv.fs_scandir_next, assert(uv.fs_scandir(threads)) do
      local file <close> = io.open(("%s/%s/children"):format(threads, thread))
      found = found .. (file and file:read("a") or "") -- the thread may have ended
    end
    return found
  end

  local function await_end(pids)
    wait.wait_until(30, function()
      return not exists(pids[1]) and not exists(pids[2])
    end, "the end of the program and its child")
  end

  it("ends with its task when that is cancelled; others go on", function()
    local process = queue:start { "--threads", "1" }
    local id = enqueue()
    local pids = await_pids()
    local other = enqueue("sleep 0.3; exit 5")

    assert.equal(0, taskq.run({ "cancel", tostring(id) }, { database = queue.url }).code)

    await_end(pids)
    queue:await_count("cancelled", 1)
    queue:await_count("completed", 1)
    assert.matches('"code": 5', queue:task(other).result)
    worker.stop(process)
  end)

  it("ends with its task when that is out of time", function()
    local process, pids = queue:start(), nil

    wait.assert_below(1, function(try)
      local id = enqueue(nil, "spawn:short")
      queue:await_count("failed", try)
      assert.equal("timeout: the task ran longer than 1000 ms", queue:task(id).error)
      pids = read_pids()
      return pids and 0 or 1 -- it had not come so far
    end)

    await_end(pids)
    worker.stop(process)
  end)

  it("ends when the worker is told to stop for the second time", function()
    local process = queue:start { "--shutdown-timeout", "1h" }
    enqueue()
    local pids = await_pids()
    process:kill("sigterm")
    worker.await_log(process, "draining")

    process:kill("sigterm")

    assert.equal(TIMEOUT, process:wait())
    assert.is_false(exists(pids[1])) -- the worker waited for that
    await_end(pids)
    assert.equal(1, queue:count("pending"))
    assert.is_nil(process:stderr():find("a handle was left", 1, true))
  end)

  it("may go on while the worker drains", function()
    local process = queue:start()
    local id = enqueue("echo 1 1 >pids; sleep 0.3; exit 4")
    await_pids()

    worker.stop(process)

    assert.matches('"code": 4', queue:task(id).result)
  end)

  it("ends when the worker is killed", function()
    local process = queue:start { "--threads", "1" }
    enqueue()
    local pids = await_pids()
    await_minded()

    process:kill("sigkill")

    await_end(pids)
  end)

  it("ends when the worker exits at once", function()
    local process = queue:start { "--shutdown-timeout", "1h", "--threads", "1" }
    enqueue()
    local pids = await_pids()
    await_minded()
    process:kill("sigterm")
    worker.await_log(process, "draining")

    process:kill("sigterm")
    process:kill("sigterm")

    assert.equal(TIMEOUT, process:wait())
    await_end(pids)
  end)

  it("ends when its thread is stuck, and replaced", function()
    local process = queue:start { "--threads", "1", "--stuck-after", "300ms" }
    local id = enqueue()
    local pids = await_pids()

    queue:enqueue("stuck:match", nil, { max_attempts = 1 })

    worker.await_log(process, "a thread is stuck, and replaced")
    queue:await(30, "the task to go back", "select claims > 1 or status = 'pending' "
      .. "from taskq.worker_tasks where id = $1", id)
    await_end(pids)
    process:kill("sigkill")
  end)

  it("is no business of a minder that somebody has ended", function()
    local process = queue:start { "--threads", "1" }
    enqueue("true")
    queue:await_count("completed", 1)
    local minder = children_of(process):match("%d+")

    assert.is_true(os.execute("kill -KILL " .. minder))

    local id = enqueue("exit 3")
    queue:await_count("completed", 2)
    assert.matches('"code": 3', queue:task(id).result)
    worker.stop(process)
  end)

  it("leaves neither a descriptor nor a zombie behind", function()
    local process = queue:start { "--threads", "1" }
    enqueue("true")
    queue:await_count("completed", 1)
    local before, minder = worker.count_descriptors(process), children_of(process)
    for i = 1, 30 do
      enqueue(i % 2 == 0 and "sleep 3600 & exec sleep 3600" or "true",
        i % 2 == 0 and "spawn:short" or nil)
    end

    queue:await_count("failed", 15)

    queue:await_count("completed", 16)
    wait.wait_until(30, function()
      return children_of(process) == minder and worker.count_descriptors(process) <= before
    end, "the worker to be as it was")
    worker.stop(process)
  end)
end)
