-- Puts running tasks back into the queue: retries, snoozes, and tasks given back.
--   $1 bigint[] ids, $2 tid[] places, $3 int[] claims, $4 bigint[] workers (whose claim it was)
--   $5 bigint[] delays in us from now; null: the task keeps its scheduled_at
--   $6 bool[] whether the attempt is handed back
--   $7 text[] kinds, $8 text[] errors, $9 text[] tracebacks
--   $10 jsonb[] notes, as for complete_logged.sql; null: the attempt was quiet. Without these and with a
--   null kind no attempt is recorded.
-- Returns one row as complete.sql does.
-- Locks: the rows, for the transaction. Addressed by ctid; for id + 0 see complete.sql.
-- Called by tq_repository_requeue().
with r as materialized (
  select id, tid, claims, worker_id, delay_us, is_handed_back, kind, error, traceback, notes
  from unnest(
    $1::bigint[], $2::tid[], $3::int[], $4::bigint[], $5::bigint[], $6::bool[], $7::text[],
    $8::text[], $9::text[], $10::jsonb[]
  ) r(id, tid, claims, worker_id, delay_us, is_handed_back, kind, error, traceback, notes)
),
o as materialized (
  select
    t.id, r.tid, r.delay_us, r.is_handed_back, r.kind, r.error, r.traceback, r.notes, t.attempts,
    t.claims, t.worker_id, t.type, t.started_at
  from r
  join taskq.worker_tasks_live t on t.ctid = r.tid
  where t.id + 0 = r.id
    and t.worker_id = r.worker_id
    and t.claims = r.claims
  for update of t
),
u as (
  update taskq.worker_tasks_live t
  set
    status = 'pending',
    worker_id = null,
    started_at = null,
    attempts = t.attempts - o.is_handed_back::int,
    error = coalesce(o.error, t.error),
    scheduled_at = coalesce(
      case when pg_current_xact_id() is not null then clock_timestamp() end
        + o.delay_us * interval '1 microsecond',
      t.scheduled_at
    )
  from o
  where t.ctid = o.tid
    and t.id + 0 = o.id
  returning t.id
),
a as (
  insert into taskq.task_attempts (
    task_id, attempt, claims, worker_id, type, kind, error, traceback, started_at, finished_at,
    worker_name, log, log_dropped, progress
  )
  select
    o.id, o.attempts, o.claims, o.worker_id, o.type,
    coalesce(o.kind, case when o.delay_us is null then 'interrupted' else 'snoozed' end),
    o.error, o.traceback, o.started_at, now(),
    (select w.name from taskq.workers w where w.id = o.worker_id),
    o.notes -> 'log', (o.notes ->> 'log_dropped')::int, o.notes -> 'progress'
  from o
  where o.kind is not null
    or o.notes is not null
),
p as (
  delete from taskq.task_progress p
  using o
  where p.id = o.id
    and p.claims = o.claims
)
select case
  when (select count(*) from u) = cardinality($1::bigint[]) then null
  else (select coalesce(array_agg(id), '{}') from u)
end as done
