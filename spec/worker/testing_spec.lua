--- taskq.testing against the worker: the same handlers, the same tasks, the same ends.

local uv = require "luv"
local taskq = require "support.taskq"
local worker = require "support.worker"
local testing = require "taskq.testing"

local HANDLERS = uv.cwd() .. "/spec/fixtures/handlers/parity"

-- Types with the payloads to try; a number is a count of attempts that the task itself allows.
local CASES = {
  ["raise"] = {
    key = "how", "text", "bare", "outer", "table", "described", "nameless", "nothing", "number",
    "boolean", "bytes", "assertion", "assertion_text", "index", "call", "missing_module",
    "in_module", "in_coroutine", "yield", "sleep_in_sort", "sleep_in_gsub", "sleep_negative",
    "sleep_text", "json_bad", "mail_bad", "mail_last", "http_bad", "spawn_bad", "file_bad",
    "http_in_sort", "exit", "locale", "write", "dump", "finalizer", "collect",
  },
  ["return"] = {
    key = "what", "large", "smallest", "numbers", "lists", "null", "null_inside", "same_null",
    "nothing", "boolean", "text", "many", "failed",
    "failed_call", "nothing_twice", "odd_success", "success", "success_nothing", "success_text",
    "hidden_success", "almost_too_large", "too_large", "with_function", "with_zero_byte",
    "with_zero_byte_key", "not_utf8", "nan", "infinite", "with_cycle", "holes", "mixed",
    "number_keys", "nested_waits", "caught", "json", "file", "task",
  },
  ["endless"] = {
    key = "how", "sleep", "loop", "caught_loop", "nested_loop", "nested_sleep", "clean",
    "gives_up", "snoozes", "makes_it", "stubborn",
  },
  ["database"] = {
    key = "how", "query", "query_error", "query_nothing", "query_bad_sql", "query_bad_value",
    "commit", "commit_nothing", "commit_then_error", "commit_twice", "raise", "raise_caught",
    "broken", "broken_joined", "broken_seen", "nested", "no_function", "bad_result",
  },
  ["enqueue"] = {
    key = "how", "good", "wrong", "no_object", "no_table", "unknown_field", "no_type", "long_type",
    "priority", "attempts", "delay", "at", "both", "payload", "made", "many", "many_wrong",
    "many_map", "none", "cancel", "stats", "rolled_back", "joined", "null", "null_payload",
  },
  ["typed"] = {
    '{"text": "x", "any": null, "customer": {"name": "Ada"}}', "{}", "[]", "5",
    '{"text": null, "any": 1, "customer": {"name": "Ada"}}',
    '{"text": "x", "customer": {"name": "Ada"}}', '{"text": "x", "any": 1}',
    '{"text": "x", "any": 1, "customer": []}', '{"text": "x", "any": 1, "customer": {"name": 1}}',
    '{"text": "x", "any": 1, "customer": {"name": "Ada"}, "number": 1, "integer": null}',
    '{"text": "x", "any": 1, "customer": {"name": "Ada"}, "integer": 1.5}',
    '{"text": "x", "any": 1, "customer": {"name": "Ada"}, "array": {}}',
    '{"text": "x", "any": 1, "customer": {"name": "Ada"}, "array": [], "object": {}}',
    '{"text": "x", "any": 1, "customer": {"name": "Ada"}, "object": [1], "boolean": true}',
  },
  ["echo"] = {
    "[]", "{}", "0", '"text"', '{"n": 9007199254740993, "f": 1.0, "list": [], "o": {}}',
    "[100000000000000000000, 0.1, -1]",
  },
}

-- Types whose payload does not matter, and the attempts that the task itself allows, 0 for none.
local PLAIN = {
  { "fail:soon", 0 }, { "fail:soon", 1 }, { "fail:soon", 7 }, { "fail:own", 0 }, { "fail:own", 2 },
  { "fail:silent", 0 }, { "fail:table", 0 }, { "fail:false", 0 }, { "fail:discard", 0 },
  { "fail:discard_zero", 0 }, { "fail:unknown_field", 0 }, { "fail:retry_after", 0 },
  { "fail:retry_after", 1 }, { "fail:retry_after_bad", 0 }, { "fail:retry_after_last", 0 },
  { "snooze", 0 }, { "snooze:negative", 0 }, { "snooze:success", 0 }, { "fail:once", 0 },
  { "fail:once", 1 }, { "wait:fixed", 0 }, { "wait:linear", 0 }, { "wait:exponential", 0 },
  { "wait:polynomial", 0 }, { "wait:capped", 0 }, { "no:handler", 0 },
}

--- A text for a value that tells 1 from 1.0 and [] from {}.
local function canonical(value)
  if type(value) ~= "table" then
    return math.type(value) == "float" and ("%.17g float"):format(value) or tostring(value)
  end
  local parts = {}
  for key, item in pairs(value) do
    parts[#parts + 1] = tostring(key) .. " = " .. canonical(item)
  end
  table.sort(parts)
  return (getmetatable(value) and "list" or "object") .. " { " .. table.concat(parts, ", ") .. " }"
end

--- Texts without what differs between any two states of Lua: the addresses of tables.
local function comparable(row)
  for name, value in pairs(row) do
    row[name] = type(value) == "string" and value:gsub("0x%x+", "0x") or value
  end
  return row
end

local function each_task(visit)
  for kind, list in pairs(CASES) do
    for _, item in ipairs(list) do
      local payload = list.key and ('{"%s": "%s"}'):format(list.key, item) or item
      visit(("%s %s"):format(kind, item), kind, payload, 0)
    end
  end
  for _, item in ipairs(PLAIN) do
    visit(("%s %d"):format(item[1], item[2]), item[1], "{}", item[2])
  end
end

--- What is compared of each task, by name: from the worker and its database.
local function run_worker(queue)
  local ids, found = {}, {}
  each_task(function(name, kind, payload, max_attempts)
    ids[name] = queue:enqueue(kind, payload,
      { max_attempts = max_attempts > 0 and max_attempts or nil })
  end)
  -- Retries come a millisecond later; what waits for longer is left.
  repeat
    local result = taskq.run({ "worker", "--handlers", HANDLERS, "--until-idle" },
      { database = queue.url, timeout = 60 })
    assert.equal(0, result.code, result.err)
  until queue.db:value([[
    select count(*) = 0 from taskq.worker_tasks
    where status = 'pending' and type not in ('no:handler', 'unhandled')
      and scheduled_at < now() + interval '5 s']])
  for name, id in pairs(ids) do
    local row = queue.db:query([[
      select t.status, t.attempts, t.error, t.result::text as result, (
          select string_agg(a.attempt || ' ' || a.kind || ': ' || a.error, e'\n' order by a.claims)
          from taskq.task_attempts a where a.task_id = t.id) as failures, (
          select bool_or(a.traceback is not null)
          from taskq.task_attempts a where a.task_id = t.id and a.kind = 'error') as has_traceback
      from taskq.worker_tasks t where id = $1]], id)[1]
    found[name] = comparable(row)
  end
  return found, ids
end

local function run_testing()
  local ids, found, failures, traces, waits = {}, {}, {}, {}, {}
  testing.reset { handlers = HANDLERS }
  testing.query("select 1 as n", { { n = 1 } })
  testing.query("where false", {})
  testing.query("select 1/0", { error = "division by zero", code = "22012" })
  each_task(function(name, kind, payload, max_attempts)
    ids[name] = testing.enqueue {
      type = kind, payload = testing.decode(payload),
      max_attempts = max_attempts > 0 and max_attempts or nil,
    }.id
  end)
  for _, outcome in ipairs(testing.advance(60000)) do
    local id = outcome.task.id
    waits[id] = outcome.retry_in
    if outcome.kind then
      local line = ("%d %s: %s"):format(outcome.attempt, outcome.kind, outcome.error)
      failures[id] = failures[id] and failures[id] .. "\n" .. line or line
    end
    if outcome.kind == "error" then
      traces[id] = traces[id] or outcome.traceback ~= nil
    end
  end
  for name, id in pairs(ids) do
    local task = testing.tasks(id)
    found[name] = comparable {
      status = task.status, attempts = task.attempts, error = task.error, result = task.result,
      failures = failures[id], has_traceback = traces[id],
    }
    ids[name] = waits[id]
  end
  return found, ids
end

describe("taskq.testing", function()
  local queue, real, real_ids, fake, fake_waits

  setup(function()
    queue = worker.queue()
    real, real_ids = run_worker(queue)
    fake, fake_waits = run_testing()
  end)

  teardown(function() queue:close() end)

  each_task(function(name)
    it("ends as the worker does: " .. name, function()
      local expected, found = real[name], fake[name]
      if expected.result ~= nil then
        expected.result = canonical(testing.decode(expected.result))
        found.result = canonical(found.result)
      end

      assert.same(expected, found)
    end)
  end)

  it("waits as long as the worker does", function()
    local compared = 0
    for name, task in pairs(real) do
      if task.status == "pending" and name ~= "no:handler 0" then
        local wait = queue.db:value([[
          select extract(epoch from t.scheduled_at - (
              select max(a.finished_at) from taskq.task_attempts a where a.task_id = t.id))
            * 1000
          from taskq.worker_tasks t where t.id = $1]], real_ids[name])
        if wait then -- a snooze records no attempt
          assert.is_true(math.abs(tonumber(wait) - fake_waits[name]) < 1000, name)
          compared = compared + 1
        end
      end
    end
    assert.is_true(compared >= 6)
  end)
end)
