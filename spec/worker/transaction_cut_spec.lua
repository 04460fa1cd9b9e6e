--- A connection that breaks, or a worker that dies, at every point of a handler's transaction:
--- afterwards its effect is there exactly once, and so is the finished task.

local proxy = require "support.proxy"
local taskq = require "support.taskq"
local worker = require "support.worker"

local BODY = [[
  return context.transaction(function(db)
    assert(db.query("insert into effects values ($1, 1) "
      .. "on conflict (task) do update set times = effects.times + 1", context.task.id))
    return "done"
  end)]]

-- No transaction says so much; a loop that never ends is a bug of the spec.
local MOST = 300

describe("a transaction", function()
  local queue, middle

  before_each(function()
    queue = worker.queue()
    queue.db:query("create table effects (task bigint primary key, times int)")
    middle = proxy.new(queue.url)
  end)
  after_each(function()
    middle:close()
    queue:close()
  end)

  local function start()
    return taskq.start(
      { "worker", "--handlers", worker.HANDLERS, "--until-empty", "--threads", "1" },
      { database = middle.url })
  end

  local function assert_once(id, where)
    local found = queue.db:query([[
      select
        (select count(*) from taskq.worker_tasks
          where id = $1 and status = 'completed') as finished,
        (select count(*) from taskq.worker_tasks where id = $1) as rows,
        (select sum(times) from effects where task = $1) as times]], id)[1]
    assert.same({ finished = 1, rows = 1, times = 1 }, found, where)
    queue:await(30, "the transaction to be closed " .. where, [[
      select count(*) = 0 from pg_stat_activity where datname = current_database()
        and application_name = 'taskq handler' and state like 'idle in%']])
  end

  -- Calls try(id, count) for messages 1, 2, ... until there are no more.
  local function for_each_message(side, act, try)
    for count = 1, MOST do
      local id = queue:enqueue("lua", { body = BODY }, { max_attempts = 20 })
      local process
      middle:after("taskq handler", side, count, act and function() act(process) end)
      process = start()
      try(process, id, count)
      if middle:is_armed() then
        return count - 1
      end
    end
    error("the transaction never ended")
  end

  for _, side in ipairs { "client", "server" } do
    it(("happens once though the connection breaks after any message of the %s"):format(side),
      function()
        local count = for_each_message(side, nil, function(process, id, count)
          assert.equal(0, process:wait(60), process:stderr())
          assert_once(id, ("after message %d\n%s"):format(count, process:stderr()))
          assert.is_nil(process:stderr():find("outcome not written", 1, true), "it asked in time")
        end)

        assert.is_true(count > 10)
        assert.equal(count + 1, queue.db:value("select completed from taskq.stats()"))
      end)
  end

  it("happens once though the worker is killed after any of its messages", function()
    local function kill(process)
      if not process.handle:is_closing() then -- else it has ended with that message
        process.handle:kill("sigkill")
      end
    end

    local count = for_each_message("client", kill, function(process, id, count)
      process:wait(60)
      -- Its lease is over; the next one takes the task over, if it was not completed.
      queue.db:query("update taskq.workers set lease_until = now() - interval '1 s'")
      local heir = start()
      assert.equal(0, heir:wait(60), heir:stderr())
      assert_once(id, ("after message %d\n%s"):format(count, heir:stderr()))
    end)

    assert.is_true(count > 10)
    assert.equal(count + 1, queue.db:value("select completed from taskq.stats()"))
  end)
end)
