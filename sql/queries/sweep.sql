-- Looks behind the cursors, in one slice of time, for due tasks that no cursor will meet again.
--   $1 text[] types, $2 smallint[] priorities, $3 timestamptz[], $4 bigint[] cursors
--   $5 timestamptz from, $6 timestamptz to: the slice, both ends inclusive, because the first is -infinity
--   $7 int limit
-- Returns ctid, id. Takes no locks. Index: worker_tasks_live_by_lane. Called by tq_repository_sweep().
select x.ctid, x.id
from unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::bigint[]) l(type, priority, at, id)
cross join lateral (
  select t.ctid, t.id
  from taskq.worker_tasks_live t
  where t.type = l.type
    and t.priority = l.priority
    and t.status = 'pending'
    and t.scheduled_at >= $5::timestamptz
    and t.scheduled_at <= least($6::timestamptz, l.at)
    and (t.scheduled_at, t.id) <= (l.at, l.id)
  order by t.scheduled_at, t.id
  limit $7::int
) x
limit $7::int
