-- New tasks, for those who follow: as created.sql, but for a reader, whose session has no settings for plans.
--   $1 bigint[] ids
-- Returns id, type, created_at, and the row as a JSON object. Nothing makes a join of what has a limit.
-- Called by tq_follower_run().
select x.id, x.type, x.created_at, row_to_json(x)::text
from unnest($1::bigint[]) i(id)
cross join lateral (
  (
    select
      t.id, t.type, t.payload, t.status, t.priority, t.attempts, t.max_attempts, t.scheduled_at,
      t.created_at, t.claims
    from taskq.worker_tasks_live t
    where t.id = i.id
    limit 1
  )
  union all
  (
    select
      f.id, f.type, f.payload, f.status, f.priority, f.attempts, f.max_attempts, f.scheduled_at,
      f.created_at, f.claims
    from taskq.worker_tasks_finished f
    where f.id = i.id
      and f.finished_at > now() - interval '1 minute'
      and f.finished_at < now() + interval '1 minute'
    limit 1
  )
) x
order by x.id
