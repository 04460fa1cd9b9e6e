-- Enqueues an array of tasks; returns how many. Called by tq_producer_send_many().
--   $1 jsonb array
select taskq.enqueue_many($1::jsonb)
