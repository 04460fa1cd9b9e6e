--- `taskq enqueue TYPE [PAYLOAD]`.

local database = require "support.database"
local taskq = require "support.taskq"

describe("taskq enqueue", function()
  local url

  setup(function() url = database.fresh() end)

  local function enqueue(...)
    return taskq.run({ "enqueue", ... }, { database = url })
  end

  local function row(id)
    return database.query(url, [[
      select *, extract(epoch from scheduled_at - created_at) as delay,
        extract(epoch from scheduled_at) as due
      from taskq.worker_tasks where id = $1]], id)[1]
  end

  local function enqueued(...)
    local result = enqueue(...)
    assert.equal(0, result.code, result.err)
    assert.equal("", result.err)
    return row(math.tointeger(tonumber((result.out:match("^(%d+)\n$")))))
  end

  it("prints the id of the task", function()
    local task = enqueued("email:send")

    assert.equal("email:send", task.type)
    assert.equal("{}", task.payload)
    assert.equal("pending", task.status)
    assert.equal(0, task.priority)
    assert.is_nil(task.max_attempts)
    assert.is_true(task.delay < 10)
  end)

  it("takes all that a task has", function()
    local task = enqueued("a", '{"to": "x"}', "--priority", "-5", "--max-attempts=7")

    assert.equal('{"to": "x"}', task.payload)
    assert.equal(-5, task.priority)
    assert.equal(7, task.max_attempts)
  end)

  for _, payload in ipairs({
    "12345678901234567890123", "1", "1.0", "1.10", "-0.5", "[]", "{}", "[1, 1.0, []]", "null",
    "true",
    '""', '"\\\\ \\" é 😀"', '{"a": {"b": [null, false]}}',
  }) do
    it("keeps the payload " .. payload .. " exactly", function()
      assert.equal(payload, enqueued("exact", payload).payload)
    end)
  end

  it("takes a time with its offset", function()
    assert.equal(4102444800 - 5.75 * 3600 + 0.25,
      enqueued("a", "--at", "2100-01-01T00:00:00.25+05:45").due)
  end)

  it("takes a delay", function()
    local delay = enqueued("a", "--in", "1.5h").delay

    assert.is_true(delay >= 5400 and delay < 5410)
  end)

  it("prints the row as JSON with --json", function()
    local result = enqueue("a:b", '{"n": 12345678901234567890123}', "--json")

    assert.equal(0, result.code)
    assert.matches('^{"id":%d+,"type":"a:b","payload":{"n": 12345678901234567890123},'
      .. '"status":"pending","priority":0,"attempts":0,"max_attempts":null,'
      .. '"scheduled_at":"%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d+%+00:00","created_at":"[^"]+",'
      .. '"started_at":null,"finished_at":null,"worker_id":null,"claims":0,"result":null,'
      .. '"error":null}\n$', result.out)
  end)

  local refusals = {
    { "TYPE is missing: taskq enqueue TYPE [PAYLOAD], or --from FILE" },
    { 'TYPE must have 1 to 200 bytes; "" has 0', "" },
    { "PAYLOAD: not JSON at byte 1: not a value (a text needs double quotes)", "a", "hello" },
    { "PAYLOAD: not JSON at byte 1: a value is missing", "a", "" },
    { "PAYLOAD: not JSON at byte 8: PostgreSQL's jsonb cannot hold \\u0000", "a", '"\\u0000"' },
    { "PAYLOAD: not JSON at byte 14: an object has the same key twice", "a", '{"a":1,"a":2}' },
    { 'there is an argument too many: "b"; see `taskq enqueue --help`', "a", "{}", "b" },
    { "--priority: 32768 is out of range, it must be -32768 to 32767", "a", "--priority", "32768" },
    { '--priority: "high" is not a whole number', "a", "--priority", "high" },
    { "--max-attempts: 0 is out of range, it must be 1 to 1000", "a", "--max-attempts", "0" },
    {
      '--at: "2026-11-24T09:30:00" is not a time with its offset, such as '
        .. "2026-11-24T09:30:00Z or 2026-11-24T09:30:00+05:45",
      "a", "--at", "2026-11-24T09:30:00",
    },
    { "--at and --in exclude each other", "a", "--at", "2026-11-24T09:30:00Z", "--in", "5m" },
    { "--partial needs --from", "a", "--partial" },
    { '--from and TYPE ("a") exclude each other', "a", "--from", "-" },
    {
      "--priority, --max-attempts, --at and --in belong into the lines of --from",
      "--from", "-", "--priority", "1",
    },
  }

  for _, refusal in ipairs(refusals) do
    it("refuses " .. table.concat(refusal, " ", 2), function()
      local result = enqueue(table.unpack(refusal, 2))

      assert.equal("taskq: " .. refusal[1] .. "\n", result.err)
      assert.equal(2, result.code)
      assert.equal("", result.out)
    end)
  end

  it("says with exit code 3 that there is no database", function()
    local result = taskq.run({ "enqueue", "a" },
      { database = "postgresql:///none?host=/nowhere", timeout = 10 })

    assert.equal(3, result.code)
    assert.matches("^taskq: cannot connect to the database: .*/nowhere", result.err)
  end)
end)
