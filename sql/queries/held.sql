-- Rows that run under this worker's id, in one slice of the table's blocks: after a lost connection,
-- those that the worker does not hold were claimed by an answer that never arrived.
--   $1 tid from (inclusive), $2 tid to (exclusive), $3 bigint worker
-- Returns id, ctid, claims, worker_id, type, attempts, max_attempts, age_ms, as stale.sql does.
-- Called by tq_repository_held().
select
  t.id, t.ctid, t.claims, t.worker_id, t.type, t.attempts, t.max_attempts,
  (extract(epoch from clock_timestamp() - greatest(least(t.created_at, now()), 'epoch')) * 1000)::bigint as age_ms
from taskq.worker_tasks_live t
where t.ctid >= $1::tid
  and t.ctid < $2::tid
  and t.status = 'running'
  and t.worker_id = $3::bigint
