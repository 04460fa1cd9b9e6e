-- One task, wherever it is, as a JSON object whose keys are the columns.
--   $1 bigint id
-- Returns one row, or none. Index: the primary key of the live partition, by_id of the others.
-- Called by tq_producer_read_task().
select row_to_json(x)::text
from (
  select
    t.id, t.type, t.payload, t.status, t.priority, t.attempts, t.max_attempts, t.scheduled_at,
    t.created_at, t.started_at, t.finished_at, t.worker_id, t.claims, t.result, t.error
  from taskq.worker_tasks t
  where t.id = $1::bigint
) x
