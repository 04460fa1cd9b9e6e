-- New tasks, for those who follow: as created.sql, but for a reader.
--   $1 bigint[] ids
-- Returns id, type, created_at, and the row as a JSON object. Called by tq_follower_run().
with i as materialized (
  select id
  from unnest($1::bigint[]) i(id)
)
select x.id, x.type, x.created_at, row_to_json(x)::text
from (
  select
    t.id, t.type, t.payload, t.status, t.priority, t.attempts, t.max_attempts, t.scheduled_at,
    t.created_at, t.claims
  from i
  join taskq.worker_tasks_live t on t.id = i.id
  union all
  select
    f.id, f.type, f.payload, f.status, f.priority, f.attempts, f.max_attempts, f.scheduled_at,
    f.created_at, f.claims
  from i
  join taskq.worker_tasks_finished f on f.id = i.id
  where f.finished_at > now() - interval '1 minute'
    and f.finished_at < now() + interval '1 minute'
) x
order by x.id
