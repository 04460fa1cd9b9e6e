-- Puts a failed or cancelled task back into the queue, or fails with TQ001 or TQ002.
--   $1 bigint id, $2 bool reset_attempts
-- Called by tq_operator_retry().
select taskq.retry($1::bigint, $2::bool)
