-- Types of pending tasks that no live worker has a handler for: tasks that wait until one comes. At most
-- `most` of them, by name, each with the time that its first pending task is, or was, due.
--
-- Probes the gaps between the types that live workers have, and hops from type to type and from priority to
-- priority in them, so that it costs what it returns: it never touches the tasks that workers work on (nor
-- what an old snapshot keeps of them), and reads one task of a lane.
create or replace function taskq.unhandled_types(
  most                    integer default 1000,
  out type                text,
  out oldest_scheduled_at timestamptz
) returns setof record
language sql stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off -- along worker_tasks_live_by_lane, whatever statistics say
set enable_bitmapscan = off
set jit = off
as $$
  with recursive handled as materialized (
    select distinct h.type
    from taskq.workers w
    cross join lateral unnest(w.types) h(type)
    where w.lease_until > clock_timestamp()
  ),
  -- Both ends exclusive; the last one is open.
  gaps as (
    select g.type as above, lead(g.type) over (order by g.type) as below
    from (
      select '' as type
      union
      select h.type from handled h
    ) g
  ),
  found as (
    select x.type, g.below
    from gaps g
    cross join lateral (
      (
        select t.type
        from taskq.worker_tasks_live t
        where t.type > g.above
          and t.type < g.below
        order by t.type
        limit 1
      )
      union all
      (
        select t.type
        from taskq.worker_tasks_live t
        where t.type > g.above
          and g.below is null
        order by t.type
        limit 1
      )
    ) x
    union all
    select x.type, f.below
    from found f
    cross join lateral (
      (
        select t.type
        from taskq.worker_tasks_live t
        where t.type > f.type
          and t.type < f.below
        order by t.type
        limit 1
      )
      union all
      (
        select t.type
        from taskq.worker_tasks_live t
        where t.type > f.type
          and f.below is null
        order by t.type
        limit 1
      )
    ) x
  ),
  lanes as (
    select f.type, x.priority
    from found f
    cross join lateral (
      select t.priority
      from taskq.worker_tasks_live t
      where t.type = f.type
      order by t.priority desc
      limit 1
    ) x
    union all
    select l.type, x.priority
    from lanes l
    cross join lateral (
      select t.priority
      from taskq.worker_tasks_live t
      where t.type = l.type
        and t.priority < l.priority
      order by t.priority desc
      limit 1
    ) x
  )
  select l.type, min(x.scheduled_at)
  from lanes l
  cross join lateral (
    select t.scheduled_at
    from taskq.worker_tasks_live t
    where t.type = l.type
      and t.priority = l.priority
      and t.status = 'pending'
    order by t.scheduled_at, t.id
    limit 1
  ) x
  group by l.type
  order by l.type
  limit $1
$$;
