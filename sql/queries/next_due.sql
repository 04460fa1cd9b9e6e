-- When the next pending task of the given lanes is due: how long to sleep.
--   $1 text[] types, $2 smallint[] priorities, $3 timestamptz[], $4 bigint[] cursors
-- Returns one row: microseconds from now (0 when one is due already), or null when there is none.
-- Index: worker_tasks_live_by_lane. Called by tq_repository_next_due().
select (extract(epoch from greatest(min(x.scheduled_at) - clock_timestamp(), '0')) * 1000000)::bigint
from unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::bigint[]) l(type, priority, at, id)
cross join lateral (
  select t.scheduled_at
  from taskq.worker_tasks_live t
  where t.type = l.type
    and t.priority = l.priority
    and t.status = 'pending'
    and (t.scheduled_at, t.id) > (l.at, l.id)
  order by t.scheduled_at, t.id
  limit 1
) x
