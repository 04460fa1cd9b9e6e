--- The plans of the hot statements do not depend on statistics: the same on an empty, a tiny, an
--- un-analyzed and a huge table, and when the table grows after the statement was prepared.

local database = require "support.database"
local plans = require "support.plans"
local tasks = require "support.tasks"

local LANES = "'{a,b}', '{0,5}', '{-infinity,-infinity}', '{0,0}'"
local IDS, PLACES = "'{1,2}'", "array['(0,1)','(0,2)']::tid[]"
local BY_LANE = "using worker_tasks_live_by_lane on worker_tasks_live"
local BY_ID = "worker_tasks_live_has_one_row_an_id"
local BY_CLAIM = "using task_progress_is_one_a_claim on task_progress"

-- What the plan must contain, and what it must not besides FORBIDDEN.
local STATEMENTS = {
  claim = {
    arguments = "100, " .. LANES .. ", 7",
    wanted = {
      "Index Scan " .. BY_LANE,
      "Index Cond: ((type = l.type) AND (priority = l.priority) AND "
        .. "(ROW(scheduled_at, id) > ROW(l.at, l.id)) AND (scheduled_at <= now()))",
      "Tid Scan on worker_tasks_live",
      "TID Cond: (ctid = ANY (",
    },
    unwanted = { BY_ID, "Sort" },
  },
  claim_found = {
    arguments = PLACES .. ", " .. IDS .. ", 7",
    wanted = { "TID Cond: (ctid = ANY ($1))" },
    unwanted = { BY_ID, "Index" },
  },
  complete = {
    arguments = IDS .. ", " .. PLACES .. ", '{1,1}', array['1','2']::jsonb[], 7",
    wanted = { "Tid Scan on worker_tasks_live", "TID Cond: (ctid = r.tid)" },
    unwanted = { BY_ID, "Index" },
  },
  complete_logged = {
    arguments = IDS .. ", " .. PLACES
      .. ", '{1,1}', array['1','2']::jsonb[], 7, array['{}','{}']::jsonb[]",
    wanted = { "Tid Scan on worker_tasks_live", "TID Cond: (ctid = r.tid)", BY_CLAIM },
    unwanted = { BY_ID, "worker_tasks_live_by_lane" },
  },
  complete_one = {
    arguments = "1, 1, 7, '{}', '{}'",
    wanted = {
      "Index Scan using " .. BY_ID, "Index Cond: (id = $1)", "TID Cond: (ctid = ANY (", BY_CLAIM,
    },
    unwanted = { "Sort" },
  },
  fate = {
    arguments = "1, 1, 7, 1, '1'",
    wanted = { "Index Scan using " .. BY_ID, "Index Cond: (id = $1)" },
    unwanted = { BY_LANE, "on worker_tasks_failed", "on worker_tasks_cancelled" },
  },
  fail = {
    arguments = IDS .. ", " .. PLACES .. ", '{1,1}', '{7,7}', '{failed,failed}', '{f,f}', "
      .. "'{x,x}', '{e,e}', '{t,t}', '{3,null}', array['{}',null]::jsonb[]",
    wanted = {
      "Tid Scan on worker_tasks_live", "TID Cond: (ctid = r.tid)", BY_CLAIM,
      "using workers_have_one_row_an_id on workers",
    },
    unwanted = { BY_ID, "worker_tasks_live_by_lane" },
  },
  created = {
    arguments = IDS,
    wanted = {
      "using worker_tasks_live_has_one_row_an_id on worker_tasks_live",
      "Index Cond: (id = i.id)", "Subplans Removed: ",
    },
    unwanted = { BY_LANE },
  },
  followed = {
    arguments = IDS,
    wanted = {
      "using worker_tasks_live_has_one_row_an_id on worker_tasks_live",
      "Index Cond: (id = i.id)", "Subplans Removed: ",
    },
    unwanted = { BY_LANE },
  },
  written = {
    arguments = IDS .. ", '{1,1}', '{7,7}', '{x,null}'",
    wanted = { "Index Cond: (id = r.id)", "Index Cond: (task_id = r.id)", "Subplans Removed: " },
    unwanted = { "on worker_tasks_live", "on worker_tasks_failed", "on worker_tasks_cancelled" },
  },
  progress = {
    arguments = IDS .. ", '{1,1}', array['{}','{}']::jsonb[]",
    wanted = { "Index Cond: (id = r.id)", "Index Cond: (id = p.id)" },
    unwanted = { BY_LANE },
  },
  requeue = {
    arguments = IDS .. ", " .. PLACES
      .. ", '{1,1}', '{7,7}', '{1,null}', '{t,f}', '{x,null}', '{e,e}', '{t,t}', "
      .. "array['{}',null]::jsonb[]",
    wanted = {
      "Tid Scan on worker_tasks_live", "TID Cond: (ctid = r.tid)", "TID Cond: (ctid = o.tid)",
      BY_CLAIM, "using workers_have_one_row_an_id on workers",
    },
    unwanted = { BY_ID, "worker_tasks_live_by_lane" },
  },
  locate = {
    arguments = IDS .. ", '{1,1}', '{7,7}'",
    wanted = { "Index Cond: (id = r.id)", "Index Cond: (id = t.id)" },
    unwanted = {},
  },
  sweep = {
    arguments = LANES .. ", '-infinity', 'infinity', 100",
    wanted = {
      "Index Scan " .. BY_LANE,
      "(scheduled_at >= $5)",
      "(scheduled_at <= LEAST($6, l.at))",
      "(ROW(scheduled_at, id) <= ROW(l.at, l.id))",
    },
    unwanted = { "Sort" },
  },
  discover = {
    arguments = "'{a,a}', '{-32769,0}', '{0,32768}', '{b}', '{0}', '{-infinity}', '{0}'",
    wanted = {
      BY_LANE,
      "Index Cond: ((type = g.type) AND (priority > g.above) AND (priority < g.below))",
      "(ROW(scheduled_at, id) > ROW(l.at, l.id)) AND (scheduled_at <= now()))",
    },
    unwanted = { "Sort", "Materialize" },
  },
  doorbell = {
    arguments = "7, '{a}', true, " .. LANES,
    wanted = {
      "Index Cond: (type = o.type)",
      "(priority < ",
      "(scheduled_at <= now()))",
      "Index Cond: ((type = l.type) AND (priority = l.priority) AND "
        .. "(ROW(scheduled_at, id) > ROW(l.at, l.id)) AND (scheduled_at <= now()))",
    },
    unwanted = { BY_ID },
  },
  next_due = {
    arguments = LANES,
    wanted = {
      "Index Scan " .. BY_LANE,
      "Index Cond: ((type = l.type) AND (priority = l.priority) AND "
        .. "(ROW(scheduled_at, id) > ROW(l.at, l.id)))",
    },
    unwanted = { "Sort" },
  },
  remaining = {
    arguments = "'{a,b}', false",
    wanted = { BY_LANE, "(priority < ", "(scheduled_at <= CASE WHEN $2" },
    unwanted = { "Sort" },
  },
  stale = {
    arguments = "'(0,0)', '(100,0)', 100",
    wanted = {
      "Tid Range Scan on worker_tasks_live", "using workers_have_one_row_an_id on workers",
    },
    unwanted = { BY_ID },
  },
  held = {
    arguments = "'(0,0)', '(100,0)', 7",
    wanted = { "Tid Range Scan on worker_tasks_live" },
    unwanted = { BY_ID },
  },
}

local FORBIDDEN = { "Seq Scan on worker_tasks", "Hash Join", "Merge Join", "Bitmap" }

local FILL = [[
  insert into taskq.worker_tasks_live (type, priority, status, worker_id, scheduled_at)
  select 'abcdefgh', g %% 3,
    case when g %% 10 = 0 then 'running' else 'pending' end::taskq.task_status,
    case when g %% 10 = 0 then 7 end, now() - g * interval '1 s'
  from generate_series(1, %d) g]]

local KEEP = "alter table taskq.worker_tasks_live set (autovacuum_enabled = off)"

-- How the table comes to be as it is.
local STATES = {
  { name = "empty" },
  { name = "one page long", FILL:format(5), "vacuum analyze taskq.worker_tasks_live" },
  { name = "un-analyzed", KEEP, FILL:format(300000) },
  { name = "huge", KEEP, FILL:format(300000), "vacuum analyze taskq.worker_tasks_live" },
}

local function names()
  local list = {}
  for name in pairs(STATEMENTS) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

local function check(plan, statement)
  for _, text in ipairs(statement.wanted) do
    assert(plan:find(text, 1, true), ("not in the plan: %s\n%s"):format(text, plan))
  end
  for _, texts in ipairs({ statement.unwanted, FORBIDDEN }) do
    for _, text in ipairs(texts) do
      assert(not plan:find(text, 1, true), ("in the plan: %s\n%s"):format(text, plan))
    end
  end
end

local function connect(url)
  local connection = database.connect(url)
  connection:query(plans.settings())
  for _, name in ipairs(names()) do
    plans.prepare(connection, name)
  end
  return connection
end

for _, state in ipairs(STATES) do
  describe("on a table that is " .. state.name, function()
    local connection

    setup(function()
      local url = database.fresh()
      for _, sql in ipairs(state) do
        database.query(url, sql)
      end
      connection = connect(url)
    end)

    teardown(function() connection:close() end)

    for _, name in ipairs(names()) do
      it(name .. " goes straight to its rows", function()
        local statement = STATEMENTS[name]

        local plan = plans.explain(connection, name, statement.arguments)

        check(plan, statement)
      end)
    end
  end)
end

describe("when the table grows after a statement was prepared", function()
  local url, connection

  setup(function()
    url = database.fresh()
    database.query(url, KEEP)
    connection = connect(url)
    for name, statement in pairs(STATEMENTS) do
      plans.explain(connection, name, statement.arguments)
    end
    database.query(url, FILL:format(100000))
  end)

  teardown(function() connection:close() end)

  for _, name in ipairs(names()) do
    it(name .. " keeps a good plan", function()
      check(plans.explain(connection, name, STATEMENTS[name].arguments), STATEMENTS[name])
    end)
  end

  it("makes good plans anew after an analyze", function()
    database.query(url, "analyze taskq.worker_tasks_live")

    for name, statement in pairs(STATEMENTS) do
      check(plans.explain(connection, name, statement.arguments), statement)
    end
  end)
end)

describe("in a session of a command, which has no settings", function()
  it("followed goes straight to its rows in a day that was not analyzed", function()
    local connection <close> = database.connect(database.fresh())
    local today = connection:value([[select 'taskq.worker_tasks_completed_'
      || to_char(now() at time zone 'UTC', 'YYYYMMDD')]])
    connection:query(("alter table %s set (autovacuum_enabled = off)"):format(today))
    connection:query([[insert into taskq.worker_tasks (type, status, finished_at)
      select 'a', 'completed', now() from generate_series(1, 20000)]])
    plans.prepare(connection, "followed")
    local ids = {}
    for id = 1, 100 do
      ids[id] = id
    end

    local read, scanned = tasks.rows_read(connection,
      "execute followed('{" .. table.concat(ids, ",") .. "}')")

    assert.same({ 100, 0 }, { read, scanned })
  end)
end)

describe("the list of plans", function()
  it("leaves out only statements that touch few rows or belong to producers", function()
    local others = {
      announce = true, cancel_requests = true, echo = true, enqueue = true, enqueue_many = true,
      enqueue_task = true, enqueue_tasks = true,
      failed_reloads = true, follow = true, forget_workers = true, hear = true, publish = true,
      live_blocks = true,
      make_days = true, mark = true, register = true, renew = true, sign_off = true, stats = true,
      task = true, terminate = true,
      -- Calls of functions that settle their plans themselves; specs count the rows that they read.
      cancel = true, cleanup = true, compact_counts = true, list = true, retry = true,
      retry_many = true, settle_days = true, show = true, unhandled_types = true,
    }

    local pipe <close> = assert(io.popen("ls sql/queries"))
    for file in pipe:lines() do
      local name = file:match("^(.*)%.sql$")
      assert(STATEMENTS[name] or others[name], name .. " has no expected plan")
    end
  end)
end)
