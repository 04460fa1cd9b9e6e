-- Running tasks, in one slice of the table's blocks, whose worker has no unexpired row.
--   $1 tid from (inclusive), $2 tid to (exclusive), $3 int limit
-- Returns id, ctid, claims, worker_id, type, attempts, max_attempts, age_ms. Takes no locks.
-- Reads the slice by a TID range scan. Called by tq_repository_stale().
select
  t.id, t.ctid, t.claims, t.worker_id, t.type, t.attempts, t.max_attempts,
  (extract(epoch from clock_timestamp() - greatest(least(t.created_at, now()), 'epoch')) * 1000)::bigint as age_ms
from taskq.worker_tasks_live t
where t.ctid >= $1::tid
  and t.ctid < $2::tid
  and t.status = 'running'
  and not exists (
    select 1
    from taskq.workers w
    where w.id = t.worker_id
      and w.lease_until > clock_timestamp()
  )
limit $3::int
