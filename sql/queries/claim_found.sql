-- Claims the tasks that the sweep found, by their place: what has moved or gone meanwhile is left out.
--   $1 tid[] places, $2 bigint[] ids, $3 bigint worker
-- Returns the rows as claim.sql does, without the last one.
-- Locks: the claimed rows; rows that others hold are skipped. Addressed by ctid; adding 0 keeps the
-- planner from the indexes, see complete.sql. Called by tq_repository_claim_found().
with c as materialized (
  select t.ctid
  from taskq.worker_tasks_live t
  where t.ctid = any($1::tid[])
    and t.id + 0 = any($2::bigint[])
    and t.status = 'pending'
    and t.scheduled_at + interval '0' <= now()
  for update skip locked
)
update taskq.worker_tasks_live t
set
  status = 'running',
  claims = claims + 1,
  attempts = attempts + 1,
  started_at = now(),
  worker_id = $3::bigint
where t.ctid = any(array(select ctid from c))
returning
  t.id, t.ctid, t.type, t.priority, t.scheduled_at, t.created_at, t.claims, t.attempts,
  t.max_attempts, t.payload, null::text as snapshot, null::timestamptz as clock, null::bigint as xid,
  null::bigint as locked
