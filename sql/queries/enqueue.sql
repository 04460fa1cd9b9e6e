-- Enqueues one task; returns its id. Called by tq_repository_enqueue().
--   $1 text type, $2 jsonb payload, $3 int priority, $4 int max_attempts, $5 timestamptz scheduled_at
select taskq.enqueue($1::text, $2::jsonb, $3::int, $4::int, $5::timestamptz)
