-- Puts a batch of failed or cancelled tasks back into the queue.
--   $1 text glob of types (null: any), $2 text status, $3 bool reset_attempts, $4 int most,
--   $5 bigint id (only tasks with a greater one)
-- Returns one row: how many, the last id. Called by tq_operator_retry_many().
select retried, last_id
from taskq.retry_many(
  type => $1::text, status => $2::text::taskq.task_status, reset_attempts => $3::bool,
  most => $4::int, after_id => $5::bigint
)
