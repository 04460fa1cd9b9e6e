-- As complete.sql, for tasks that have logged something, or told their progress: records the attempt too.
--   $1 bigint[] ids, $2 tid[] places, $3 int[] claims, $4 jsonb[] results, $5 bigint worker
--   $6 jsonb[] notes: {"log", "log_dropped", "progress"}
-- Returns one row as complete.sql does.
-- Locks: the rows, for the transaction. Addressed by ctid; for id + 0 see complete.sql.
-- Called by tq_repository_complete_logged().
with r as materialized (
  select id, tid, claims, result, notes
  from unnest($1::bigint[], $2::tid[], $3::int[], $4::jsonb[], $6::jsonb[])
    r(id, tid, claims, result, notes)
),
d as (
  delete from taskq.worker_tasks_live t
  using r
  where t.ctid = r.tid
    and t.id + 0 = r.id
    and t.worker_id = $5::bigint
    and t.claims = r.claims
  returning
    t.id, t.scheduled_at, t.created_at, t.started_at, t.priority, t.claims, t.attempts,
    t.max_attempts, t.type, t.payload, r.result, r.notes
),
a as (
  insert into taskq.task_attempts (
    task_id, attempt, claims, worker_id, type, kind, started_at, finished_at, worker_name, log,
    log_dropped, progress
  )
  select
    id, attempts, claims, $5::bigint, type, 'success', started_at, now(),
    (select w.name from taskq.workers w where w.id = $5::bigint),
    notes -> 'log', (notes ->> 'log_dropped')::int, notes -> 'progress'
  from d
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
    id, scheduled_at, created_at, started_at, now(), $5::bigint, 'completed', priority, claims,
    attempts, max_attempts, type, payload, result
  from d
  returning id, type
),
k as (
  insert into taskq.finished_counts (day, status, type, n)
  select (now() at time zone 'UTC')::date, 'completed', type, count(*)
  from f
  group by type
)
select case
  when (select count(*) from f) = cardinality($1::bigint[]) then null
  else (select coalesce(array_agg(id), '{}') from f)
end as done
