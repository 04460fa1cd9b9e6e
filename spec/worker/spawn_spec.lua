--- taskq.spawn: programs, what goes into them and what comes out.

local cjson = require "cjson"
local uv = require "luv"
local folder = require "support.folder"
local processes = require "support.process"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

local ENOENT, ENOMEM, EFBIG, ETIMEDOUT, EACCES = 2, 12, 27, 110, 13
local SIGKILL = 9

describe("taskq.spawn", function()
  local queue, process

  setup(function()
    queue = worker.queue()
    process = queue:start({ "--threads", "2" }, { env = { FROM_WORKER = "yes" } })
  end)

  teardown(function()
    worker.stop(process)
    queue:close()
  end)

  local function run(kind, payload)
    local id = queue:enqueue(kind, payload, { max_attempts = 1 })
    queue:await(20, "the end of the task",
      "select status in ('completed', 'failed') from taskq.worker_tasks where id = $1", id)
    local task = queue:task(id)
    assert.equal("completed", task.status, task.error)
    return cjson.decode(task.result)
  end

  -- The list in the request goes by its positions; see the handler.
  local function spawn(request, kind)
    local named = {}
    for name, value in pairs(request) do
      named[tostring(name)] = value
    end
    return run(kind or "spawn:run", { request = named })
  end

  local function sh(script, options, kind)
    local request = options or {}
    request[1], request[2], request[3] = "sh", "-c", script
    return spawn(request, kind)
  end

  -- Waits for the end of the process that has noted its number in a file, if it came to that.
  local function await_end(path)
    local noted <close> = io.open(path)
    local pid = (noted and noted:read("a") or ""):match("%d+")
    wait.wait_until(30, function()
      local file <close> = pid and io.open(("/proc/%s/stat"):format(pid))
      return not file or (file:read("a") or ""):find("%) Z") -- init may not have looked yet
    end, "the end of process " .. tostring(pid))
  end

  it("returns what the program wrote, and its code", function()
    assert.same({ code = 3, stdout = "out\n", stderr = "err\n" },
      sh "echo out; echo err >&2; exit 3")
  end)

  it("passes arguments as they are, without a shell", function()
    local result = spawn { "printf", "%s|", "a b", "$HOME", "*", "", "'\"", "a\nb" }

    assert.equal("a b|$HOME|*||'\"|a\nb|", result.stdout)
  end)

  it("gives it a text to read, or nothing", function()
    assert.equal("hello", spawn({ "cat", stdin = "hello" }).stdout)
    assert.equal("", spawn({ "cat", stdin = "" }).stdout)
    assert.equal("", spawn({ "cat" }).stdout)
    assert.equal("/dev/null\n", spawn({ "readlink", "/proc/self/fd/0" }).stdout)
    assert.is_true(run("spawn:binary"))
  end)

  it("does not mind when the program reads nothing of it", function()
    local result = spawn { "true", stdin = ("x"):rep(500 * 1024) }

    assert.equal(0, result.code)
  end)

  it("sets its folder and its environment", function()
    local place = folder.new()
    local result = sh("pwd; echo $A $FROM_WORKER", { cwd = place, env = { A = "b" } })

    assert.equal(place .. "\nb yes\n", result.stdout)
    assert.equal("no\n", sh("echo $FROM_WORKER", { env = { FROM_WORKER = "no" } }).stdout)
  end)

  it("says how it was ended by a signal", function()
    assert.same({ code = 128 + SIGKILL, signal = SIGKILL, stdout = "", stderr = "" },
      sh "kill -KILL $$")
  end)

  it("says why it cannot be started", function()
    local file = folder.new() .. "/file"
    folder.write(file, "")
    local cases = {
      { { "no-such-program" }, ENOENT, "^cannot start no%-such%-program: No such file" },
      { { file }, EACCES, "Permission denied$" },
      { { "true", cwd = "/nowhere" }, ENOENT, "^cannot start true in the folder /nowhere: No" },
    }
    for _, case in ipairs(cases) do
      local result = spawn(case[1])
      assert.equal(case[2], result.errno)
      assert.matches(case[3], result.message)
    end
  end)

  it("stops it after its timeout, with all that it has started", function()
    local place = folder.new()

    wait.assert_below(2 * wait.factor, function()
      local started = wait.now()
      local result = sh("trap '' TERM; sleep 3600 & echo $! >child; wait; sleep 3600",
        { cwd = place, timeout = 1000 })
      assert.same({ message = "sh ran longer than 1000 ms", errno = ETIMEDOUT }, result)
      local has_begun = uv.fs_stat(place .. "/child")
      return has_begun and wait.now() - started - 1 or math.huge
    end)

    await_end(place .. "/child")
  end)

  it("does not wait for a grandchild that has its output, after the timeout", function()
    local result = sh("sleep 3600 & exit 0", { timeout = 200 })

    assert.equal(ETIMEDOUT, result.errno)
  end)

  it("leaves alone what has nothing of it any more", function()
    local place = folder.new()
    local result = sh("sleep 3600 </dev/null >/dev/null 2>&1 & echo $!", { cwd = place })
    local pid = tonumber(result.stdout)

    assert.equal(0, result.code)
    assert.is_true(os.execute("kill " .. pid))
  end)

  it("stops what writes too much", function()
    assert.equal(1000, #sh("head -c 1000 /dev/zero | tr '\\0' x", { max_output = 1000 }).stdout)
    for _, stream in ipairs { "1", "2" } do
      local result = sh("yes >&" .. stream, { max_output = 1000 })
      assert.same({ message = "sh wrote more than 1000 bytes (max_output)", errno = EFBIG }, result)
    end
    assert.equal(EFBIG, spawn({ "yes" }).errno)
  end)

  it("charges its output to the task", function()
    local result = sh("head -c 5000000 /dev/zero", { max_output = 1e9 }, "spawn:little_memory")

    assert.equal(ENOMEM, result.errno)
    assert.matches("the output of sh needs more memory than the task may have", result.message)
  end)

  it("starts it without signals, descriptors and a session of the worker", function()
    local result = sh [[
      cat /proc/self/status | grep -E '^(SigBlk|SigIgn|SigCgt):'
      ls /proc/self/fd | wc -l
      test "$(ps -o sid= -p $$ | tr -d ' ')" = $$ && echo leads
      echo >/dev/stdout; echo >/dev/stderr]]

    local mask, ignored, caught, descriptors, leads =
      result.stdout:match("SigBlk:%s+(%x+)\nSigIgn:%s+(%x+)\nSigCgt:%s+(%x+)\n(%d+)\n(%a*)\n")
    assert.same({ 0, 0 }, { tonumber(mask, 16), tonumber(caught, 16) })
    assert.equal(0, tonumber(ignored, 16) & 0x7fffffff) -- those that have a name
    assert.same({ "4", "leads" }, { descriptors, leads })
    assert.equal("\n", result.stderr)
  end)

  it("waits without a thread", function()
    local place = folder.new()
    local script = "touch $$; while [ $(ls | wc -l) -lt 5 ]; do sleep 0.02; done"
    for _ = 1, 5 do -- as many as run at once, on fewer threads
      queue:enqueue("spawn:run",
        { request = { ["1"] = "sh", ["2"] = "-c", ["3"] = script, cwd = place } })
    end

    queue:await(20, "programs that wait for each other", "select count(*) = 0 "
      .. "from taskq.worker_tasks where status in ('pending', 'running')")
  end)

  it("lets it have as many open files as the worker was started with", function()
    local own = worker.queue()
    for _ = 1, 20 do
      own:enqueue("lua", {
        body = [[note(taskq.spawn({ "sh", "-c", "ulimit -n" }).stdout:match("%d+"))]],
      })
    end

    local result = processes.run({ "sh", "-c", 'ulimit -Sn 100; exec "$0" "$@"', taskq.program,
      "worker", "--handlers", worker.HANDLERS, "--until-empty" },
      { env = { DATABASE_URL = own.url } })

    assert.equal(0, result.code, result.err)
    assert.equal(("100"):rep(20, " "), table.concat(own:notes(), " "))
    own:close()
  end)

  it("waits in coroutines, and says where it cannot", function()
    local result = run("spawn:nested")

    assert.equal(0, result.nested)
    assert.matches("taskq.spawn cannot wait inside string.gsub", result.where)
  end)

  it("names the argument that is wrong", function()
    local cases = {
      { {}, "%[1%]: is missing" },
      { { "" }, "%[1%]: is missing" },
      { { "a", function_at = 2 }, "%[2%]: must be a string or a number, not function" },
      { { "a", function_at = 4 }, "%[4%]: the one before it is nil" },
      { { "a", args = {} }, "args: there is no such argument; there are stdin, cwd" },
      { { "a", env = { ["B=C"] = "d" } }, 'env%["B=C"%]: is no name of a variable' },
      { { "a", env = { B = {} } }, 'env%["B"%]: must be a string' },
      { { "a", stdin = 5 }, "stdin: must be a string, not number" },
      { { "a", timeout = -1 }, "timeout: must be a number from 1" },
    }
    for _, case in ipairs(cases) do
      local message = spawn(case[1], "spawn:misuse")
      assert.matches("^%S+/spawn%.lua:%d+: taskq.spawn: " .. case[2], message)
    end
  end)

  it("lets it clean up on SIGTERM", function()
    wait.assert_below(1, function() -- it has a fifth of a second
      local place = folder.new()
      local result = sh("echo $$ >pid; trap 'echo clean >trace; exit' TERM; sleep 3600 & wait",
        { cwd = place, timeout = 1000 })
      assert.equal(ETIMEDOUT, result.errno)
      await_end(place .. "/pid")
      return uv.fs_stat(place .. "/trace") and 0 or 1
    end)
  end)
end)
