--- The examples of docs/sql.md, run as they stand.

local database = require "support.database"
local folder = require "support.folder"
local process = require "support.process"
local worker = require "support.worker"

local TEXT = folder.read("docs/sql.md")

-- What the examples take for granted.
local APPLICATION = [[
  create table orders (id bigint generated always as identity primary key, customer text);
  create table customers (email text not null, wants_newsletter boolean not null default true);
  insert into customers values ('ada@example.com', true), ('bob@example.com', false)]]

-- The code blocks of a language, each with the number of its first line.
local function blocks(language)
  local list, at = {}, 1
  while true do
    local first, last, code = TEXT:find("\n```" .. language .. "\n(.-)\n```\n", at)
    if not first then
      assert(#list > 0)
      return list
    end
    local _, line = TEXT:sub(1, first + 1):gsub("\n", "")
    list[#list + 1] = { code = code, line = line + 1 }
    at = last
  end
end

describe("docs/sql.md", function()
  local url, connection

  before_each(function()
    url = database.fresh()
    connection = database.connect(url)
    connection:query(APPLICATION)
  end)

  after_each(function() connection:close() end)

  local function psql(sql)
    local result = process.run({ "psql", "-Xq", "--set", "ON_ERROR_STOP=1", url }, { stdin = sql })
    assert.equal(0, result.code, result.err)
    return result
  end

  -- Types of the tasks that are there, with how many of each.
  local function enqueued()
    local counts = {}
    for _, row in ipairs(connection:query(
      "select type, count(*) as n from taskq.worker_tasks group by type")) do
      counts[row.type] = row.n
    end
    return counts
  end

  for _, block in ipairs(blocks("sql")) do
    it(("runs in psql: line %d"):format(block.line), function()
      connection:query("create role shop")
      psql(block.code)

      for _, row in ipairs(connection:query("select gid from pg_prepared_xacts "
        .. "where database = current_database()")) do
        connection:query(("rollback prepared '%s'"):format(row.gid))
      end
      connection:query("drop role shop")
    end)
  end

  it("enqueues once only what has a key", function()
    local code = TEXT:match("\n```sql\n(create table reports.-)\n```\n")

    psql(code .. "\n" .. code:match("\n\n(with .*)$"))

    assert.same({ ["report:nightly"] = 1 }, enqueued())
  end)

  it("enqueues with the data or not at all", function()
    local transaction = blocks("sql")[1].code
    assert.matches("^begin;.*commit;$", transaction)

    psql((transaction:gsub("commit;$", "rollback;")))
    assert.same({}, enqueued())
    assert.equal(0, connection:value("select count(*) from orders"))

    psql(transaction)
    assert.same({ ["email:send"] = 1 }, enqueued())
    assert.equal(1, connection:value("select count(*) from orders"))
  end)

  it("enqueues from a trigger, in the statement's own transaction", function()
    for _, block in ipairs(blocks("sql")) do
      if block.code:find("create trigger", 1, true) then
        psql(block.code)
      end
    end

    connection:query("begin")
    connection:query("insert into customers values ('rolled@example.com')")
    connection:query("rollback")
    connection:query("insert into customers values ('c@example.com'), ('d@example.com')")

    assert.same({ { to = "c@example.com" }, { to = "d@example.com" } }, connection:query(
      "select payload ->> 'to' as to from taskq.worker_tasks order by 1"))
  end)

  it("never hands out what was rolled back", function()
    local queue = worker.queue(url)
    local process_ = queue:start()
    queue.db:query("begin")
    queue.db:query("select taskq.enqueue('noop')")
    queue.db:query("rollback")

    local id = queue:enqueue("noop") -- by which it has looked
    queue:await_count("completed", 1)

    assert.equal("completed", queue:task(id).status)
    assert.equal(1, queue.db:value("select total from taskq.stats()"))
    worker.stop(process_)
    assert.matches("completed=1 failed=0 retried=0 given_back=0", process_:stderr())
    queue:close()
  end)

  it("runs in Python", function()
    for _, block in ipairs(blocks("python")) do
      local code, replaced = block.code:gsub("postgresql:///app", function() return url end)
      assert.equal(1, replaced)

      local result = process.run({ "/usr/bin/python3", "-" }, { stdin = code })

      assert.equal(0, result.code, result.err)
    end
    assert.same({ ["email:send"] = 1001 }, enqueued())
    assert.equal(10, connection:value("select max(priority) from taskq.worker_tasks"))
  end)

  it("runs in a shell", function()
    local command = TEXT:match("\n    (psql %-c [^\n]+)\n")
    local name, host, port = url:match("@/([%w_]+)%?host=(.-)&port=(%d+)$")

    local result = process.run({ "/bin/sh", "-c", command }, {
      env = { PGHOST = host, PGPORT = port, PGDATABASE = name, PGUSER = "postgres" },
    })

    assert.equal(0, result.code, result.err)
    assert.same({ ["email:send"] = 1 }, enqueued())
  end)
end)
