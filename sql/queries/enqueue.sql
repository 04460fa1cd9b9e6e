-- Enqueues one task; returns its id. Called by tq_producer_enqueue().
--   $1 text type, $2 jsonb payload, $3 int priority, $4 int max_attempts, $5 timestamptz scheduled_at,
--   $6 bigint microseconds from now when $5 is null
select taskq.enqueue(
  $1::text, $2::jsonb, $3::int, $4::int,
  coalesce(
    $5::timestamptz,
    case when $6::bigint > 0 then clock_timestamp() + $6::bigint * interval '1 microsecond' end
  )
)
