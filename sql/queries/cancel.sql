-- Cancels a task; returns 'cancelled' or 'requested', or fails with TQ001 or TQ002.
--   $1 bigint id
-- Called by tq_operator_cancel().
select taskq.cancel($1::bigint)
