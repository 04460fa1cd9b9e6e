--- os.execute and io.popen: as Lua's own, without holding anybody up.

local cjson = require "cjson"
local folder = require "support.folder"
local taskq = require "support.taskq"
local wait = require "support.wait"
local worker = require "support.worker"

local null = cjson.null

describe("in handlers,", function()
  local queue, process

  setup(function()
    queue = worker.queue()
    process = queue:start { "--threads", "1" } -- so that all have the same globals
  end)

  teardown(function()
    worker.stop(process)
    queue:close()
  end)

  local function enqueue(code, payload, kind)
    payload = payload or {}
    payload.code = code
    return queue:enqueue(kind or "code", payload, { max_attempts = 1 })
  end

  -- Runs Lua in a handler; returns the list of what it returns.
  local function run(code, payload)
    local id = enqueue(code, payload)
    queue:await(20, "the end of the task",
      "select status in ('completed', 'failed') from taskq.worker_tasks where id = $1", id)
    local task = queue:task(id)
    assert.equal("completed", task.status, task.error)
    return cjson.decode(task.result)
  end

  describe("os.execute", function()
    it("returns what Lua's own returns", function()
      assert.same({ true }, run "return os.execute()")
      assert.same({ true, "exit", 0 }, run "return os.execute('true')")
      assert.same({ null, "exit", 7 }, run "return os.execute('exit 7')")
      assert.same({ null, "signal", 9 }, run "return os.execute('kill -9 $$')")
      assert.same({ false }, run "return (pcall(os.execute, {}))")
    end)

    it("shows what the command writes on the worker's standard error", function()
      run "return os.execute('echo from the command; echo and its errors >&2')"

      assert.matches("from the command\n", process:stderr())
      assert.matches("and its errors\n", process:stderr())
      assert.equal("", process:stdout())
    end)

    it("waits in coroutines, and says where it cannot", function()
      local result = run [[
        local inside = coroutine.wrap(function()
          return coroutine.wrap(function() return select(3, os.execute("exit 3")) end)()
        end)()
        local _, message = pcall(table.sort, { 1, 2 }, function() os.execute("true") end)
        return inside, message]]

      assert.equal(3, result[1])
      assert.matches("os.execute cannot wait inside table.sort: Lua cannot suspend it", result[2])
    end)
  end)

  describe("io.popen", function()
    it("reads all formats of files", function()
      assert.same({ "a\nb\n", "" }, run [[
        local file = io.popen("echo a; echo b")
        return file:read("a"), file:read("a")]])
      assert.same({ "one", "two\n", 3.5, -4, "x", "yz", "", "\nlast", null }, run [[
        local file = io.popen("printf 'one\ntwo\n 3.5 -4xyz\nlast'", "r")
        local one, two, three, four, x = file:read("l", "*L", "n", "n", 1)
        local yz, none = file:read(2, 0)
        return one, two, three, four, x, yz, none, file:read("a"), file:read("l")]])
      assert.same({ 255, 1e10, null }, run [[
        return io.popen("echo 0xff 1e10 no"):read("n", "n", "n")]])
    end)

    it("reads lines while the command runs", function()
      local place = folder.new()
      local result = run([[
        local seen = {}
        local file = io.popen(("cd %s; echo a; until test -e go; do sleep 0.02; done; echo b")
          :format(context.task.payload.place))
        for line in file:lines() do
          seen[#seen + 1] = line
          io.open(context.task.payload.place .. "/go", "w"):close()
        end
        return seen, file:close()]], { place = place })

      assert.same({ { "a", "b" }, true, "exit", 0 }, result)
    end)

    it("reads more than fits into a pipe, and no further than it is asked", function()
      assert.same({ 5000000, true }, run [[
        local file = io.popen("head -c 5000000 /dev/zero")
        return #file:read("a"), (file:close())]])
      assert.same({ "y", null, "signal", 13 }, run [[
        local file = io.popen("exec yes")
        return file:read(), file:close()]])
    end)

    it("writes to a command, and waits for it at the end", function()
      local place = folder.new()
      local result = run([[
        local file = io.popen("cat >" .. context.task.payload.place .. "/out; exit 5", "w")
        local same = file:write("a", 1, ("x"):rep(1000000)) == file
        return same, file:close()]], { place = place })

      assert.same({ true, null, "exit", 5 }, result)
      assert.equal("a1" .. ("x"):rep(1000000), folder.read(place .. "/out"))
    end)

    it("tells that nobody reads", function()
      assert.same({ null, "Broken pipe", 32 }, run [[
        local file = io.popen("exec <&-; sleep 3600", "w")
        local result
        repeat result = table.pack(file:write(("x"):rep(100000))) until not result[1]
        return table.unpack(result, 1, 3)]])
    end)

    it("closes by itself at the end of a block", function()
      assert.same({ "closed file" }, run [[
        local kept
        do
          local file <close> = io.popen("true")
          kept = file
        end
        return io.type(kept)]])
    end)

    it("is a file like others", function()
      assert.same({ "file", true, true, null, "Illegal seek", 29, "closed file" }, run [[
        local file = io.popen("true")
        local kind, buffered, flushed = io.type(file), file:setvbuf("no"), file:flush() == file
        local position, message, code = file:seek()
        file:close()
        return kind, buffered, flushed, position, message, code, io.type(file)]])
      assert.same({ null, "Bad file descriptor", 9 }, run "return io.popen('true'):write('x')")
      assert.same({ null, "Bad file descriptor", 9 }, run "return io.popen('true', 'w'):read()")
    end)

    it("refuses misuse as Lua's own does", function()
      local cases = {
        ["io.popen('true', 'rw')"] = "bad argument #2 to 'popen' %(invalid mode%)",
        ["io.popen({})"] = "bad argument #1 to 'popen'",
        ["io.popen('true'):read('x')"] = "bad argument #1 to 'read' %(invalid format%)",
        ["io.popen('true', 'w'):write({})"] = "bad argument #1 to 'write'",
        ["local f = io.popen('true') f:close() f:read()"] = "attempt to use a closed file",
        ["local f = io.popen('true') f:close() f:close()"] = "attempt to use a closed file",
        ["('a'):gsub('a', function() io.popen('true') end)"] = "io.popen cannot wait inside",
      }
      for code, pattern in pairs(cases) do
        local result = run(("return pcall(load(%q))"):format(code))
        assert.is_false(result[1])
        assert.matches(pattern, result[2])
      end
    end)

    it("belongs to its task alone", function()
      assert.same({ 1 }, run "shared = io.popen('true') return 1")
      local _, message = table.unpack(run "return shared:read()", 1, 2)
      assert.equal("the file belongs to another task", message)
    end)

    it("is stopped with its task, whatever that waits for", function()
      local place = folder.new()
      local codes = {
        "io.popen(command):read()",
        "local file = io.popen(command, 'w') while true do file:write(('x'):rep(100000)) end",
        "io.popen(command, 'w'):close()",
        "local file = io.popen(command) taskq.sleep(3600 * 1000)",
        "local file = io.popen(command) while true do end",
        "local file = io.popen(command) error('no more')",
        "local file = io.popen(command)",
      }
      for i, code in ipairs(codes) do
        local note = ("%s/%d"):format(place, i)
        local id = enqueue(([[
          local command = "trap '' TERM; echo $$ >%s.new; mv %s.new %s; sleep 3600; echo"
          %s]]):format(note, note, note, code), nil, i < 6 and i % 2 == 0 and "code:short" or nil)
        if i < 6 and i % 2 == 1 then
          wait.wait_until(20, function() return io.open(note) end, "the command to start")
          local cancelled = taskq.run({ "cancel", tostring(id) }, { database = queue.url })
          assert.equal(0, cancelled.code, cancelled.err)
        end
        queue:await(20, "the end of the task", [[
          select status in ('completed', 'failed', 'cancelled') from taskq.worker_tasks
          where id = $1]], id)
        local file <close> = io.open(note) -- it may have been stopped before it wrote that
        local pid = file and file:read("n")
        wait.wait_until(30, function()
          local stat <close> = pid and io.open(("/proc/%d/stat"):format(pid))
          return not stat or (stat:read("a") or ""):find("%) Z")
        end, "the end of the command of " .. code)
      end
    end)

    it("leaves no descriptor behind", function()
      run "return (io.popen('true'):close())"
      local before = worker.count_descriptors(process)

      for _ = 1, 10 do
        run "for i = 1, 5 do io.popen('echo x') end return 1"
      end

      wait.wait_until(30, function() return worker.count_descriptors(process) <= before end,
        "as few descriptors as before")
    end)
  end)

  it("nothing waits while a file is loaded", function()
    local place = folder.new()
    for _, code in ipairs { "os.execute('true')", "io.popen('true')" } do
      folder.write(place .. "/a.lua", code .. " return { type = 'a', handler = print }")
      local result = taskq.run({ "worker", "--until-empty", "--handlers", place },
        { database = queue.url })
      assert.equal(5, result.code)
      assert.matches("cannot wait while the file is loaded", result.err)
    end
  end)
end)
