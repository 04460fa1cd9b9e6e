-- Completes a batch of tasks: moves them to the finished partition and counts them.
--   $1 bigint[] ids, $2 tid[] places, $3 int[] claims, $4 jsonb[] results, $5 bigint worker
-- Returns one row: null when all were there, else the ids of those that were (the others have moved,
-- or the worker has lost them; see locate.sql).
-- Locks: the rows, for the transaction. Addressed by ctid; id + 0 keeps the planner from the primary key,
-- which costs less in its eyes while the table is small. Called by tq_repository_complete().
with r as materialized (
  select id, tid, claims, result
  from unnest($1::bigint[], $2::tid[], $3::int[], $4::jsonb[]) r(id, tid, claims, result)
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
    t.max_attempts, t.type, t.payload, r.result
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
