--- `taskq enqueue --from`: many tasks, a line each.

local database = require "support.database"
local folder = require "support.folder"
local taskq = require "support.taskq"
local wait = require "support.wait"

local MIB = 1024 * 1024

--- Ends the session of the command that works on this database.
local function end_session(url)
  assert.equal(1, database.value(url, [[
    select count(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = current_database() and application_name = 'taskq enqueue']]))
end

describe("taskq enqueue --from", function()
  local url

  before_each(function() url = database.fresh() end)

  local function enqueue(text, ...)
    return taskq.run({ "enqueue", "--from", "-", ... }, { database = url, stdin = text })
  end

  local function count()
    return database.value(url, "select count(*) from taskq.worker_tasks")
  end

  local function refuses(text, message)
    local result = enqueue(text)

    assert.equal("taskq: " .. message .. "; nothing was enqueued\n", result.err)
    assert.equal(2, result.code)
    assert.equal(0, count())
  end

  it("enqueues each line", function()
    local result = enqueue('{"type":"a"}\n'
      .. '{"type":"b","payload":{"n":12345678901234567890123, "s": "\\u00e9"},"priority":3,'
      .. '"max_attempts":2,"scheduled_at":"2100-01-01T00:00:00+05:45"}\r\n'
      .. "\n  \t\n"
      .. '  {"type":"c","payload":[1.0,[]]}')

    assert.equal(0, result.code, result.err)
    assert.equal("", result.out)
    assert.matches("^enqueued 3 tasks in [%d.]+ s %(%d+ a second%)\n$", result.err)
    assert.same({
      { type = "a", payload = "{}", priority = 0 },
      {
        type = "b", payload = '{"n": 12345678901234567890123, "s": "é"}', priority = 3,
        max_attempts = 2, due = 4102444800 - 5.75 * 3600,
      },
      { type = "c", payload = "[1.0, []]", priority = 0 },
    }, database.query(url, [[
      select type, payload, priority, max_attempts,
        case when type = 'b' then extract(epoch from scheduled_at) end as due
      from taskq.worker_tasks order by type]]))
  end)

  it("reads a file", function()
    local path = folder.new() .. "/tasks.ndjson"
    folder.write(path, '{"type":"a"}\n')

    local result = taskq.run({ "enqueue", "--from", path, "--json" }, { database = url })

    assert.equal('{"enqueued":1,"skipped":0}\n', result.out)
    assert.equal(1, count())
  end)

  it("says that a file cannot be read", function()
    local missing = taskq.run({ "enqueue", "--from", "/nowhere" }, { database = url })
    local directory = taskq.run({ "enqueue", "--from", "/" }, { database = url })

    assert.equal("taskq: cannot open /nowhere: No such file or directory\n", missing.err)
    assert.equal(1, missing.code)
    assert.equal("taskq: cannot read /: Is a directory; nothing was enqueued\n", directory.err)
    assert.equal(1, directory.code)
  end)

  it("takes nothing for nothing", function()
    assert.equal(0, enqueue("").code)
    assert.equal(0, count())
  end)

  it("names the line that is wrong and enqueues none", function()
    refuses('{"type":"a"}\n\n{"typ":"a"}\n', 'line 3: there is no key "typ"; '
      .. "a task has type, payload, priority, max_attempts and scheduled_at")
    refuses('{"type":"a"}\noops\n',
      "line 2: not JSON at byte 1: not a value (a text needs double quotes)")
    refuses('{"type":"a"}\n{"type":"a","payload":"\\u0000"}',
      "line 2: not JSON at byte 30: PostgreSQL's jsonb cannot hold \\u0000")
    refuses('{"type":"a","scheduled_at":"2026-11-24T09:30:00"}',
      "line 1: scheduled_at must be a time with its offset, "
        .. 'such as "2026-11-24T09:30:00Z" or "2026-11-24T09:30:00+05:45"')
  end)

  it("takes back earlier batches when a late line is wrong", function()
    refuses(('{"type":"a"}\n'):rep(12000) .. "{}\n", "line 12001: type is missing")
  end)

  it("takes back everything when the server refuses a line", function()
    local result = enqueue('{"type":"a"}\n{"type":"a","payload":1e200000}\n')

    assert.equal(1, result.code)
    assert.matches("^taskq: lines 1 to 2: .*overflows numeric format; nothing was enqueued\n$",
      result.err)
    assert.equal(0, count())
  end)

  it("refuses a line over 10 MiB and takes one just below", function()
    local fitting = '{"type":"a","payload":"x"' .. (" "):rep(10 * MIB - 26) .. "}"
    assert.equal(10 * MIB, #fitting)

    refuses('{"type":"a"}\n' .. fitting .. " \n", "line 2: longer than 10 MiB")
    assert.equal(0, enqueue(fitting .. "\n").code)

    assert.equal(1, count())
  end)

  it("refuses a payload over 1 MiB, and names the rule", function()
    local result = enqueue('{"type":"a","payload":"' .. ("x"):rep(MIB) .. '"}\n')

    assert.equal(1, result.code)
    assert.matches('"worker_tasks_payload_is_at_most_1_mib"; nothing was enqueued\n$', result.err)
    assert.equal(0, count())
  end)

  it("keeps its memory small", function()
    local path = folder.new() .. "/tasks.ndjson"
    folder.write(path, ('{"type":"a","payload":{"to":"user@example.com","n":1}}\n'):rep(200000))

    local process = taskq.start({ "enqueue", "--from", path }, { database = url })
    local peak_kb = 0
    wait.wait_until(60, function()
      local file = io.open(("/proc/%d/status"):format(process.pid))
      local text = file and file:read("a") or ""
      peak_kb = math.max(peak_kb, tonumber(text:match("VmHWM:%s*(%d+)")) or 0)
      return not process:is_running() and (not file or file:close())
    end, "the end of enqueue")

    assert.equal(0, process.code, process:stderr())
    assert.equal(200000, count())
    assert.is_true(peak_kb > 0 and peak_kb < 64 * 1024 * wait.factor, peak_kb .. " kB")
  end)

  it("says what became of the lines when the database goes", function()
    local path = folder.new() .. "/pipe"
    assert(os.execute("mkfifo " .. path))
    local process = taskq.start({ "enqueue", "--from", path }, { database = url })
    local writer <close> = assert(io.open(path, "w"))
    writer:write(('{"type":"a"}\n'):rep(6000))
    writer:flush()
    wait.wait_until(30, function()
      return database.value(url, [[select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'taskq enqueue'
          and query ~ 'enqueue_many']]) == 1
    end, "the first batch")

    end_session(url)
    writer:close()
    process:wait()

    assert.equal(3, process.code)
    assert.matches("^taskq: .+; nothing was enqueued\n$", process:stderr())
    assert.equal(0, count())
  end)
end)

describe("taskq enqueue --from --partial", function()
  local url

  before_each(function() url = database.fresh() end)

  local function enqueue(text, ...)
    return taskq.run({ "enqueue", "--from", "-", "--partial", ... },
      { database = url, stdin = text })
  end

  local function types()
    return database.value(url, "select string_agg(type, '' order by type) from taskq.worker_tasks")
  end

  it("is done when all lines are good", function()
    assert.equal(0, enqueue('{"type":"a"}\n{"type":"b"}\n').code)
    assert.equal("ab", types())
  end)

  it("skips bad lines and reports each", function()
    local result = enqueue('{"type":"a"}\noops\n{"type":"b"}\n{"type":""}\n{"type":"c"}\n',
      "--json")

    assert.equal(1, result.code)
    assert.equal('{"enqueued":3,"skipped":2}\n', result.out)
    assert.matches("taskq: line 2 was skipped: not JSON at byte 1: not a value %(a text needs "
      .. "double quotes%)\n", result.err)
    assert.matches("taskq: line 4 was skipped: type must be a string of 1 to 200 bytes\n",
      result.err)
    assert.matches("taskq: 2 lines were skipped\n$", result.err)
    assert.equal("abc", types())
  end)

  it("finds the lines that only the server refuses", function()
    local result = enqueue('{"type":"a"}\n{"type":"x","payload":1e200000}\n{"type":"b"}\n'
      .. '{"type":"x","payload":[1e200000]}\n{"type":"c"}\n')

    assert.equal(1, result.code)
    assert.matches("line 2 was skipped: .*overflows", result.err)
    assert.matches("line 4 was skipped: .*overflows", result.err)
    assert.equal("abc", types())
  end)

  it("reports only the first twenty", function()
    local result = enqueue(("oops\n"):rep(1000))

    local _, lines = result.err:gsub("\n", "")
    assert.equal(23, lines)
    assert.matches("taskq: further lines were skipped\n", result.err)
    assert.matches("taskq: 1000 lines were skipped\n$", result.err)
  end)

  it("commits what has come when the input pauses", function()
    local path = folder.new() .. "/pipe"
    assert(os.execute("mkfifo " .. path))
    local process = taskq.start({ "enqueue", "--from", path, "--partial" }, { database = url })
    local writer <close> = assert(io.open(path, "w"))

    for _, line in ipairs({ '{"type":"a"}\n', '{"type":"b"}\n' }) do
      writer:write(line)
      writer:flush()
      wait.wait_until(30, function()
        return types() == (line:find("a\"", 1, true) and "a" or "ab")
      end, "the line " .. line)
    end
    assert.is_true(process:is_running())
    writer:close()

    assert.equal(0, process:wait(), process:stderr())
  end)

  it("tells how much was enqueued when the database goes", function()
    local path = folder.new() .. "/pipe"
    assert(os.execute("mkfifo " .. path))
    local process = taskq.start({ "enqueue", "--from", path, "--partial" }, { database = url })
    local writer <close> = assert(io.open(path, "w"))
    writer:write('{"type":"a"}\n')
    writer:flush()
    wait.wait_until(30, function() return types() == "a" end, "the first line")

    end_session(url)
    writer:write('{"type":"b"}\n')
    writer:close()
    process:wait()

    assert.equal(3, process.code)
    assert.matches("; 1 tasks were enqueued, lines 2 to 2 may have been, later lines were not\n$",
      process:stderr())
    assert.equal("a", types())
  end)
end)
