--- The workers of the randomized model: a few places, in each of which a real worker runs, is
--- frozen, dies and is followed by another.

local assert = require "luassert"
local taskq = require "support.taskq"
local uv = require "luv"

local M = {}

M.HANDLERS = uv.cwd() .. "/spec/fixtures/handlers/model"

local PLACES = 3
-- The shortest there is, and one that is renewed so rarely that it can be taken away unnoticed.
local LEASE, LONG_LEASE = "1s", "4s"

---@class ModelWorkers
---@field random Random
---@field queue Queue
---@field log fun(text: string)
local Workers = {}
Workers.__index = Workers

---@param queue Queue
---@param random Random
---@param log fun(text: string)  takes what happens to them
---@return ModelWorkers
function M.new(queue, random, log)
  return setmetatable({
    queue = queue, random = random, log = log, places = {}, ended = {},
  }, Workers)
end

-- What runs in the first place may have only some of the types; the others make up for it.
local function flags(random, place)
  local list = {
    "worker", "--handlers", M.HANDLERS, "--lock-duration",
    random:chance(75) and LEASE or LONG_LEASE,
    "--stale-task-check-interval", "500ms", "--shutdown-timeout", "2s",
    "--concurrency", tostring(random:between(4, 24)), "--threads", tostring(random:between(1, 2)),
    "--poll-interval", random:one_of { "100ms", "1s" },
  }
  if random:chance(25) then -- which it believes
    table.move({ "--pooler", "transaction" }, 1, 2, #list + 1, list)
  end
  local is_choosy = random:chance(60)
  if is_choosy and place == 1 then
    table.move({ "--task-types", "model:three,model:o*" }, 1, 2, #list + 1, list)
  end
  return list
end

---@param choices Random?
function Workers:start(choices)
  choices = choices or self.random
  local place = choices:between(1, PLACES)
  local list = flags(choices, place) -- always, so that a replay makes the same choices
  if not self.places[place] then
    self.places[place] = { process = taskq.start(list, { database = self.queue.url }), signals = 0 }
    self.log(("start %d: pid %d"):format(place, self.places[place].process.pid))
  end
end

-- Does something to the worker of a random place, if there is one.
local function with_one(self, what, action)
  local place = self.random:between(1, PLACES)
  local worker = self.places[place]
  if worker then
    self.log(("%s %d: pid %d"):format(what, place, worker.process.pid))
    action(worker, place)
  end
end

function Workers:kill()
  with_one(self, "kill", function(worker, place)
    worker.process:kill("sigkill")
    worker.is_killed = true
    self.places[place] = nil
    self.ended[#self.ended + 1] = worker
  end)
end

--- One more signal: the first drains it, the second interrupts, the third ends it.
function Workers:signal()
  with_one(self, "signal", function(worker)
    worker.signals = worker.signals + 1
    worker.process:kill(worker.signals == 1 and "sigterm" or "sigint")
  end)
end

--- Freezes one: until its lease is over, or for a number of operations.
function Workers:freeze()
  local thaw_after = self.random:chance(50) and self.random:between(20, 200) or nil
  with_one(self, "freeze", function(worker)
    worker.process:kill("sigstop")
    worker.is_frozen, worker.thaw_after = true, thaw_after
  end)
end

--- Takes the lease of one away; it learns that at its next renewal, others perhaps sooner.
function Workers:rob()
  with_one(self, "rob", function(worker)
    self.queue.db:query([[
      update taskq.workers set lease_until = now() - interval '1 ms' where pid = $1]],
      worker.process.pid)
  end)
end

local function thaw(self, worker, place)
  self.log(("thaw %d: pid %d"):format(place, worker.process.pid))
  worker.process:kill("sigcont")
  worker.is_frozen = false
end

local function has_lease(self, worker)
  return self.queue.db:value([[
    select exists (select from taskq.workers where pid = $1 and lease_until > clock_timestamp())]],
    worker.process.pid)
end

local LEAVES = { [0] = true, [6] = true } -- done, or what ran was interrupted

-- Those that ended by themselves had been told to, and left in order.
local function check_end(worker)
  local process = worker.process
  local was_young = process.signal and not process:stderr():find("worker started", 1, true)
  assert(worker.is_killed or worker.signals > 0 and (was_young or LEAVES[process.code]),
    ("a worker ended with %s after %d signals; it wrote\n%s"):format(
      process.code or process.signal, worker.signals, process:stderr()))
end

--- Once an operation: thaws what has been frozen for long enough, notices what has ended.
---@param operations integer  since the last call
function Workers:tick(operations)
  for place = 1, PLACES do
    local worker = self.places[place]
    if worker and not worker.process:is_running() then
      check_end(worker)
      self.places[place] = nil
      self.ended[#self.ended + 1] = worker
    elseif worker and worker.is_frozen and worker.thaw_after then
      worker.thaw_after = worker.thaw_after - operations
      if worker.thaw_after <= 0 then
        thaw(self, worker, place)
      end
    elseif worker and worker.is_frozen and not has_lease(self, worker) then
      thaw(self, worker, place)
    end
  end
end

--- Whether one is at work on every type, and neither frozen nor told to end.
---@return boolean
function Workers:is_any_at_work()
  for place = 2, PLACES do
    local worker = self.places[place]
    if worker and not worker.is_frozen and worker.signals == 0 then
      return true
    end
  end
  return false
end

--- The last lines that each has logged, for a message.
---@return string
function Workers:last_words()
  local texts = {}
  for place = 1, PLACES do
    local worker = self.places[place]
    if worker then
      local log = worker.process:stderr()
      texts[#texts + 1] = ("%d: pid %d, %d signals%s\n%s"):format(place, worker.process.pid,
        worker.signals, worker.is_frozen and ", frozen" or "", log:sub(-2000))
    end
  end
  return table.concat(texts, "\n")
end

--- Ends all of them in order.
function Workers:stop()
  for place = 1, PLACES do
    local worker = self.places[place]
    if worker then
      if worker.is_frozen then
        thaw(self, worker, place)
      end
      worker.signals = worker.signals + 1
      worker.process:kill("sigterm")
      worker.process:wait()
      check_end(worker)
      self.ended[#self.ended + 1] = worker
      self.places[place] = nil
    end
  end
end

--- Runs what is left to its end.
function Workers:drain()
  local result = taskq.run({ "worker", "--handlers", M.HANDLERS, "--lock-duration", LEASE,
    "--stale-task-check-interval", "500ms", "--concurrency", "50", "--until-empty" },
    { database = self.queue.url, timeout = 120 })
  assert.equal(0, result.code, result.err)
end

-- What failing handlers, ended connections, signals, and a busy machine explain.
local EXPECTED = {
  "worker task failed ", "no connection; trying again", "exiting at once",
  "canceling statement due to statement timeout", "canceling statement due to lock timeout",
}

local function is_expected(line)
  for _, text in ipairs(EXPECTED) do
    if line:find(text, 1, true) then
      return true
    end
  end
  return false
end

--- What the workers have logged at level error that no worker should.
---@return string[]
function Workers:unexpected_errors()
  local found = {}
  for _, worker in ipairs(self.ended) do
    for line in worker.process:stderr():gmatch("[^\n]+") do
      if line:find("^%S+ error ") and not is_expected(line) then
        found[#found + 1] = line
      end
    end
  end
  return found
end

return M
