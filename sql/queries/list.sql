-- A page of tasks, the newest first.
--   $1 text status (null: any), $2 text glob of types (null: any), $3 int most,
--   $4 bigint id (null: the first page; else only tasks with a smaller one), $5 bool as_json
-- Returns id, status, type, priority, attempts, max_attempts, scheduled_at as text; and the row as a
-- JSON object when $5. Called by tq_reader_list().
select
  l.id, l.status::text, l.type, l.priority::int, l.attempts, l.max_attempts,
  case
    when isfinite(l.scheduled_at)
    then to_char(l.scheduled_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    else l.scheduled_at::text
  end,
  case when $5::bool then row_to_json(x)::text end
from taskq.list($1::text::taskq.task_status, $2::text, $3::int, $4::bigint) l
cross join lateral (
  select
    l.id, l.type, l.payload, l.status, l.priority, l.attempts, l.max_attempts, l.scheduled_at,
    l.created_at, l.started_at, l.finished_at, l.worker_id, l.claims, l.result, l.error
) x
order by l.id desc
