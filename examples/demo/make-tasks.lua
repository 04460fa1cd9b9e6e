#!/usr/bin/env lua5.4
--- Prints 1000 tasks of a small company's afternoon, one JSON object a line, for
--- `taskq enqueue --from -`. The same arguments give the same tasks.
---
---   lua5.4 make-tasks.lua [--now SECONDS] [--source FILE] [--expect FILE]
---
--- --now is the time (since the epoch) from which the scheduled ones are counted, --source the CSV
--- file that the reports read, and --expect a file to write: what `taskq stats --json` must print
--- when all are done.

local SEED = 20261124

local folder = arg[0]:match("^(.*)/") or "."
local options = { now = tostring(os.time()), source = folder .. "/sales.csv" }

local FIRST = { "Ada", "Grace", "Edsger", "Barbara", "Alan", "Noémie", "Jürgen", "Søren", "Miyu" }
local LAST = { "Lovelace", "Hopper", "Dijkstra", "Liskov", "Turing", "Dupré", "Groß", "Sato" }
local PLANS = { "free", "team", "business" }
local GROUPS = { "region", "product", "customer" }
local SUMS = { "amount", "quantity" }

local function read_options()
  for i = 1, #arg, 2 do
    local name = arg[i]:match("^%-%-(%l+)$")
    if not arg[i + 1] or (name ~= "now" and name ~= "source" and name ~= "expect") then
      io.stderr:write("usage: make-tasks.lua [--now SECONDS] [--source FILE] [--expect FILE]\n")
      os.exit(2)
    end
    options[name] = arg[i + 1]
  end
end

local function pick(list)
  return list[math.random(#list)]
end

local function person()
  local first, last = pick(FIRST), pick(LAST)
  return first .. " " .. last, ("customer%d@mail.example"):format(math.random(1, 400))
end

local function email(template, variables)
  variables.name, variables.to = person()
  variables.template = template
  return { type = "email:send", payload = variables }
end

local function welcome()
  return email("welcome", { plan = pick(PLANS) })
end

local function invoice()
  local task = email("invoice", {
    number = ("2026-%05d"):format(math.random(99999)),
    date = "2026-11-24",
    amount = ("%d.%02d"):format(math.random(5, 900), math.random(0, 99)),
    currency = "EUR",
    card = ("%04d"):format(math.random(0, 9999)),
  })
  task.priority = 5
  return task
end

local function password_reset()
  local token = ("%016x"):format(math.random(0))
  local task = email("password_reset", { token = token, expires = "18:00 UTC" })
  task.priority = 10
  return task
end

local function reminder() -- scheduled
  local task = welcome()
  local at = tonumber(options.now) // 1 + math.random(2, 4)
  task.payload.subject = "Your first week"
  task.scheduled_at = os.date("!%Y-%m-%dT%H:%M:%SZ", at)
  return task
end

local function unknown_template() -- given up at once
  return email("wellcome", { plan = "free" })
end

local function report()
  local format = pick { "markdown", "csv" }
  local payload = { source = options.source, group_by = pick(GROUPS), sum = pick(SUMS),
    format = format }
  return { type = "report:generate", payload = payload }
end

local function missing_report()
  local task = report()
  task.payload.source = options.source .. ".missing"
  task.max_attempts = 1
  return task
end

local function webhook(failures)
  local event = pick { "order.paid", "order.shipped", "user.created" }
  local url = ("https://partner%d.example/hooks"):format(math.random(1, 20))
  return { type = "webhook:flaky", payload = { url = url, event = event, failures = failures } }
end

local function dead_webhook()
  local task = webhook(99)
  task.max_attempts = 2
  return task
end

local function gone_webhook()
  local task = webhook(0)
  task.payload.is_gone = true
  return task
end

local KINDS = {
  { count = 250, status = "completed", make = welcome },
  { count = 240, status = "completed", make = invoice },
  { count = 150, status = "completed", make = password_reset },
  { count = 60, status = "completed", make = reminder },
  { count = 40, status = "completed", make = report },
  { count = 150, status = "completed", make = function() return webhook(0) end },
  { count = 60, status = "completed", make = function() return webhook(1) end },
  { count = 20, status = "completed", make = function() return webhook(2) end },
  { count = 10, status = "failed", make = unknown_template },
  { count = 5, status = "failed", make = missing_report },
  { count = 10, status = "failed", make = dead_webhook },
  { count = 5, status = "failed", make = gone_webhook },
}

local STATS = '{"pending":0,"running":0,"completed":%d,"failed":%d,"cancelled":0,"total":%d,'
  .. '"unhandled_types":[],"has_more_unhandled_types":false,"failed_reloads":[]}'

local function encode(value)
  if type(value) ~= "table" then
    return type(value) == "string" and '"' .. value:gsub('[\\"]', "\\%0") .. '"' or tostring(value)
  end
  local members = {}
  for key, member in pairs(value) do
    members[#members + 1] = encode(key) .. ":" .. encode(member)
  end
  table.sort(members)
  return "{" .. table.concat(members, ",") .. "}"
end

local function make_tasks()
  local tasks, ends = {}, { completed = 0, failed = 0 }
  for _, kind in ipairs(KINDS) do
    for _ = 1, kind.count do
      tasks[#tasks + 1] = kind.make()
    end
    ends[kind.status] = ends[kind.status] + kind.count
  end
  for i = #tasks, 2, -1 do
    local k = math.random(i)
    tasks[i], tasks[k] = tasks[k], tasks[i]
  end
  return tasks, ends
end

read_options()
math.randomseed(SEED)
local tasks, ends = make_tasks()
for _, task in ipairs(tasks) do
  io.write(encode(task), "\n")
end
if options.expect then
  local file <close> = assert(io.open(options.expect, "w"))
  assert(file:write(STATS:format(ends.completed, ends.failed, #tasks), "\n"))
end
