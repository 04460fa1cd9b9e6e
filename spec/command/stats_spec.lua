--- `taskq stats`, and how a command finds its database.

local database = require "support.database"
local taskq = require "support.taskq"

local SIX = [[
pending              2
running              1
completed       123456
failed               3
cancelled            0
total           123462
]]

describe("taskq stats", function()
  local url

  setup(function()
    url = database.fresh()
    database.query(url, [[
      insert into taskq.worker_tasks (type, status)
        values ('a', 'pending'), ('a', 'pending'), ('b', 'running');
      insert into taskq.workers (id, name, host, pid, version, types, lease_until)
        values (1, 'w', 'h', 1, 'v', '{a}', now() + interval '1 hour');
      insert into taskq.finished_counts
        values ('2026-01-01', 'completed', 'a', 123456), ('2026-01-01', 'failed', 'a', 3)]])
  end)

  it("prints six numbers", function()
    local result = taskq.run({ "stats" }, { database = url })

    assert.equal(0, result.code, result.err)
    assert.equal(SIX, result.out)
    assert.equal("", result.err)
  end)

  it("prints them as one JSON document", function()
    local result = taskq.run({ "stats", "--json" }, { database = url })

    assert.equal('{"pending":2,"running":1,"completed":123456,"failed":3,"cancelled":0,'
      .. '"total":123462,"unhandled_types":[],"has_more_unhandled_types":false,'
      .. '"failed_reloads":[]}\n', result.out)
  end)

  it("prefers --database to DATABASE_URL", function()
    local result = taskq.run({ "stats", "--database", url },
      { database = "postgresql:///none?host=/nowhere" })

    assert.equal(SIX, result.out, result.err)
  end)

  it("takes the variables of libpq when there is nothing else", function()
    local name, host, port = url:match("@/([%w_]+)%?host=(.-)&port=(%d+)$")

    local result = taskq.run({ "stats" }, {
      env = { PGHOST = host, PGPORT = port, PGDATABASE = name, PGUSER = "postgres" },
    })

    assert.equal(SIX, result.out, result.err)
  end)

  it("says when its output cannot be written", function()
    local process = require("support.process").run({
      "/bin/sh", "-c", '"$0" stats --database "$1" > /dev/full', taskq.program, url,
    })

    assert.equal(1, process.code)
    assert.equal("taskq: cannot write the output: No space left on device\n", process.err)
  end)
end)
