-- Looks for lanes: one priority in each gap between the known lanes of a type, and whether a lane that
-- was put to rest has something due again.
--   $1 text[] types, $2 int[] above, $3 int[] below: gaps, both ends exclusive
--   $4 text[], $5 smallint[], $6 timestamptz[], $7 bigint[]: resting lanes with their cursors
-- Returns type, priority of each lane found. Index: worker_tasks_live_by_lane.
-- Called by tq_repository_discover().
select g.type, x.priority
from unnest($1::text[], $2::int[], $3::int[]) g(type, above, below)
cross join lateral (
  select t.priority
  from taskq.worker_tasks_live t
  where t.type = g.type
    and t.priority > g.above
    and t.priority < g.below
  order by t.priority desc
  limit 1
) x
union all
select l.type, l.priority
from unnest($4::text[], $5::smallint[], $6::timestamptz[], $7::bigint[]) l(type, priority, at, id)
cross join lateral (
  select 1
  from taskq.worker_tasks_live t
  where t.type = l.type
    and t.priority = l.priority
    and (t.scheduled_at, t.id) > (l.at, l.id)
    and t.scheduled_at <= now()
  order by t.scheduled_at, t.id
  limit 1
) x
