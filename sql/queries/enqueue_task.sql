-- Enqueues one task for a handler, as taskq.enqueue does; returns id, scheduled_at and created_at in
-- milliseconds since the epoch. Called by host_query.c.
--   $1 text type, $2 jsonb payload, $3 int priority, $4 int max_attempts,
--   $5 float8 due at, in milliseconds since the epoch, $6 float8 due in milliseconds from now; or null
insert into taskq.worker_tasks (scheduled_at, type, payload, priority, max_attempts)
values (
  greatest(
    to_timestamp($5::float8 / 1000),
    case when pg_current_xact_id() is not null then clock_timestamp() end
      + coalesce($6::float8, 0) * interval '1 ms'
  ),
  $1::text, $2::jsonb, $3::int, $4::int
)
returning
  id,
  (extract(epoch from scheduled_at) * 1000)::float8 as scheduled_at,
  (extract(epoch from created_at) * 1000)::float8 as created_at
