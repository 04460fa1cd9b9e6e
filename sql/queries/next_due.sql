-- When the next pending task of the given lanes is due: how long to sleep.
--   $1 text[] types, $2 smallint[] priorities, $3 timestamptz[], $4 bigint[] cursors
-- Returns one row: microseconds from now (0 when one is due already, a day at most), or null when
-- there is none.
-- Index: worker_tasks_live_by_lane. Called by tq_repository_next_due().
select case
  when d.wait > '0' then (extract(epoch from d.wait) * 1000000)::bigint
  when d.wait <= '0' then 0
end
from (
  -- Not before now, and at most a day, because no interval leads to infinity.
  select min(least(greatest(x.scheduled_at, now()), now() + interval '1 day')) - clock_timestamp() as wait
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
) d
