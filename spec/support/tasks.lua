--- Tasks in each of their states, made in the way that workers make them.

local M = {}

local FINISH = [[
  with d as (
    delete from taskq.worker_tasks_live where id = $1
    returning id, scheduled_at, created_at, started_at, worker_id, priority, claims, attempts,
      max_attempts, type, payload
  ), f as (
    insert into taskq.worker_tasks_finished (id, scheduled_at, created_at, started_at, finished_at,
      worker_id, status, priority, claims, attempts, max_attempts, type, payload, error)
    select id, scheduled_at, created_at, started_at, $2::timestamptz, worker_id, $3, priority,
      claims, attempts, max_attempts, type, payload, case when $3 = 'failed' then 'boom' end
    from d
    returning type
  )
  insert into taskq.finished_counts
  select ($2::timestamptz at time zone 'UTC')::date, $3, type, 1 from f]]

--- Enqueues a task; returns its id.
---@param connection Connection
---@param arguments string?  SQL, of taskq.enqueue
---@return integer id
function M.pending(connection, arguments)
  return connection:value(("select taskq.enqueue(%s)"):format(arguments or "'a'"))
end

--- Claims a pending task for a worker.
---@param connection Connection
---@param id integer
---@param worker integer?
---@return integer id
function M.claim(connection, id, worker)
  connection:query([[update taskq.worker_tasks_live set status = 'running', claims = claims + 1,
    attempts = attempts + 1, started_at = now(), worker_id = $2 where id = $1]], id, worker or 7)
  return id
end

---@return integer id
function M.running(connection, arguments)
  return M.claim(connection, M.pending(connection, arguments))
end

--- Puts a running task back, as after a failure.
function M.requeue(connection, id)
  connection:query([[update taskq.worker_tasks_live set status = 'pending', worker_id = null,
    started_at = null where id = $1]], id)
end

--- Moves a running task to the finished ones.
---@param status "completed" | "failed" | "cancelled"
---@param at string?  when; now unless said
---@return integer id
function M.finish(connection, id, status, at)
  connection:query(FINISH, id, at or connection:value("select now()"), status)
  return id
end

--- A task that has finished, and one attempt of it.
---@param status "completed" | "failed" | "cancelled"
---@param options { arguments: string?, at: string? }?
---@return integer id
function M.finished(connection, status, options)
  options = options or {}
  return M.finish(connection, M.running(connection, options.arguments), status, options.at)
end

--- A row of the table, wherever it is.
---@return table?
function M.row(connection, id)
  return connection:query("select * from taskq.worker_tasks where id = $1", id)[1]
end

-- Of this transaction, and of earlier ones of the connection that were not reported yet.
local READ = [[
  select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) as rows,
    coalesce(sum(seq_tup_read), 0) as scanned
  from pg_stat_xact_user_tables
  where schemaname = 'taskq' and relname like 'worker_tasks%']]

--- How many rows of tasks a statement reads, in a transaction that is committed.
---@param connection Connection
---@param sql string
---@return integer rows
---@return integer scanned  those that it read without an index
function M.rows_read(connection, sql)
  connection:query("begin")
  local before = connection:query(READ)[1]
  connection:query(sql)
  local after = connection:query(READ)[1]
  connection:query("commit")
  return after.rows - before.rows, after.scanned - before.scanned
end

return M
