-- Enqueues an array of tasks; returns how many. Called by tq_repository_enqueue_many().
--   $1 jsonb array
select taskq.enqueue_many($1::jsonb)
