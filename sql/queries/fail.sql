-- Ends tasks without success, for good: moves them to the finished partition as failed or cancelled,
-- records the attempt and counts them.
--   $1 bigint[] ids, $2 tid[] places, $3 int[] claims, $4 bigint[] workers (whose claim it was)
--   $5 text[] statuses, $6 bool[] whether the attempt is handed back
--   $7 text[] kinds, $8 text[] errors, $9 text[] tracebacks
--   $10 int[] how many attempts its handler allowed, once they are used up; null: the task's own stay. So
--   that taskq.retry, which knows no handlers, can grant one more.
--   $11 jsonb[] notes, as for complete_logged.sql; null: the attempt was quiet
-- Returns one row as complete.sql does.
-- Locks: the rows, for the transaction. Addressed by ctid; for id + 0 see complete.sql.
-- Called by tq_repository_fail().
with r as materialized (
  select
    id, tid, claims, worker_id, status, is_handed_back, kind, error, traceback, max_attempts, notes
  from unnest(
    $1::bigint[], $2::tid[], $3::int[], $4::bigint[], $5::text[], $6::bool[], $7::text[],
    $8::text[], $9::text[], $10::int[], $11::jsonb[]
  ) r(
    id, tid, claims, worker_id, status, is_handed_back, kind, error, traceback, max_attempts, notes
  )
),
d as (
  delete from taskq.worker_tasks_live t
  using r
  where t.ctid = r.tid
    and t.id + 0 = r.id
    and t.worker_id = r.worker_id
    and t.claims = r.claims
  returning
    t.id, t.scheduled_at, t.created_at, t.started_at, t.worker_id, t.priority, t.claims,
    t.attempts - r.is_handed_back::int as attempts,
    coalesce(t.max_attempts, r.max_attempts) as max_attempts, t.type, t.payload,
    r.status::taskq.task_status as status, r.kind, r.error, r.traceback, r.notes
),
a as (
  insert into taskq.task_attempts (
    task_id, attempt, claims, worker_id, type, kind, error, traceback, started_at, finished_at,
    worker_name, log, log_dropped, progress
  )
  select
    id, attempts, claims, worker_id, type, kind, error, traceback, started_at, now(),
    (select w.name from taskq.workers w where w.id = d.worker_id),
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
    attempts, max_attempts, type, payload, error
  )
  select
    id, scheduled_at, created_at, started_at, now(), worker_id, status, priority, claims,
    attempts, max_attempts, type, payload, error
  from d
  returning id, type, status
),
k as (
  insert into taskq.finished_counts (day, status, type, n)
  select (now() at time zone 'UTC')::date, status, type, count(*)
  from f
  group by type, status
)
select case
  when (select count(*) from f) = cardinality($1::bigint[]) then null
  else (select coalesce(array_agg(id), '{}') from f)
end as done
