-- Types of pending tasks that no live worker has a handler for.
--   $1 int most
-- Returns type, the time that its oldest one is due as text, and the row as a JSON object.
-- Called by tq_repository_unhandled_types(), tq_reader_unhandled_types().
select
  u.type,
  case
    when isfinite(u.oldest_scheduled_at)
    then to_char(u.oldest_scheduled_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    else u.oldest_scheduled_at::text
  end,
  row_to_json(u)::text
from taskq.unhandled_types($1::int) u
