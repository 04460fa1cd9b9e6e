-- Enqueues an array of tasks for a handler; returns how many. Called by host_query.c.
--   $1 jsonb array of objects as for taskq.enqueue_many, but for their times: at, in milliseconds since
--   the epoch, or delay, in milliseconds from now
select taskq.enqueue_many(coalesce(jsonb_agg(
  t.task || jsonb_build_object('scheduled_at', coalesce(
    to_timestamp((t.task ->> 'at')::float8 / 1000),
    clock_timestamp() + (t.task ->> 'delay')::float8 * interval '1 ms'
  ))
), '[]')) as count
from jsonb_array_elements($1::jsonb) t(task)
