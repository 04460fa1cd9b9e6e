-- Completes one task inside the transaction of its handler: moves it to the finished partition and
-- counts it, as complete.sql does for batches.
--   $1 bigint id, $2 int claims, $3 bigint worker, $4 jsonb result
--   $5 jsonb notes, as for complete_logged.sql; null: it was quiet until now
-- Returns one row: state 'done', 'locked' (by somebody else: nothing was written, and nothing was
-- waited for, as an error would abort the handler's work), or 'lost' to the worker; and for fate.sql
-- pid (the backend's own: a pooler names none) and xid.
-- Locks: the row, for the transaction. Index: worker_tasks_live_has_one_row_an_id. The time is the
-- clock's: now() is when the transaction began. Called by transaction.c.
with l as materialized (
  select t.ctid as tid
  from taskq.worker_tasks_live t
  where t.id = $1::bigint
    and t.claims = $2::int
    and t.worker_id = $3::bigint
  for update skip locked
),
c as materialized (
  select clock_timestamp() as at
),
d as (
  delete from taskq.worker_tasks_live t
  where t.ctid = any (array(select tid from l))
  returning
    t.id, t.scheduled_at, t.created_at, t.started_at, t.worker_id, t.priority, t.claims, t.attempts,
    t.max_attempts, t.type, t.payload
),
a as (
  insert into taskq.task_attempts (
    task_id, attempt, claims, worker_id, type, kind, started_at, finished_at, worker_name, log,
    log_dropped, progress
  )
  select
    d.id, d.attempts, d.claims, d.worker_id, d.type, 'success', d.started_at, c.at,
    (select w.name from taskq.workers w where w.id = d.worker_id),
    $5::jsonb -> 'log', ($5::jsonb ->> 'log_dropped')::int, $5::jsonb -> 'progress'
  from d cross join c
  where $5::jsonb is not null
),
p as (
  delete from taskq.task_progress p
  using d
  where p.id = d.id
    and p.claims = d.claims
),
f as (
  insert into taskq.worker_tasks_finished (
    id, scheduled_at, created_at, started_at, finished_at, worker_id, status, priority, claims,
    attempts, max_attempts, type, payload, result
  )
  select
    d.id, d.scheduled_at, d.created_at, d.started_at, c.at, d.worker_id, 'completed', d.priority,
    d.claims, d.attempts, d.max_attempts, d.type, d.payload, $4::jsonb
  from d cross join c
  returning type
),
k as (
  insert into taskq.finished_counts (day, status, type, n)
  select (c.at at time zone 'UTC')::date, 'completed', f.type, 1
  from f cross join c
)
select
  case
    when exists (select from f) then 'done'
    when exists (
      select from taskq.worker_tasks_live t
      where t.id = $1::bigint
        and t.claims = $2::int
        and t.worker_id = $3::bigint
    ) then 'locked'
    else 'lost'
  end as state,
  pg_backend_pid() as pid,
  pg_current_xact_id()::text as xid
