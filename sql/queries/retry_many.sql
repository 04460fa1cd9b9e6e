-- Puts a batch of failed or cancelled tasks back into the queue.
--   $1 text glob of types (null: any), $2 text status, $3 bool reset_attempts, $4 int most,
--   $5 bigint id (only tasks with a greater one)
--   $6 timestamptz finished at this time or later, else $7 bigint at most so many us ago (null: any)
--   $8 timestamptz finished before this time, else $9 bigint at least so many us ago (null: any)
-- Returns one row: how many, the last id, and the two times, for the batches that follow.
-- Called by tq_operator_retry_many().
with b as materialized (
  select
    coalesce($6::timestamptz, now() - $7::bigint * interval '1 microsecond') as finished_from,
    coalesce($8::timestamptz, now() - $9::bigint * interval '1 microsecond') as finished_before
)
select r.retried, r.last_id, b.finished_from, b.finished_before
from b
cross join lateral taskq.retry_many(
  type => $1::text, status => $2::text::taskq.task_status, finished_from => b.finished_from,
  finished_before => b.finished_before, reset_attempts => $3::bool, most => $4::int,
  after_id => $5::bigint
) r
