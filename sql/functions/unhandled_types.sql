-- Types of pending tasks that no live worker has a handler for: tasks that wait until one comes. At most
-- `most` of them, the first ones by name, each with the time that its first pending task is, or was, due.
--
-- Probes the gaps between the types that live workers have, and hops from type to type and from priority to
-- priority in them, so that it costs what it returns: it never touches the tasks that workers work on (nor
-- what an old snapshot keeps of them), and reads one task of a lane, and beside those only what runs
-- although no live worker has a handler for it.
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
    select array_agg(distinct h.type order by h.type) as types
    from taskq.workers w
    cross join lateral unnest(w.types) h(type)
    where w.lease_until > clock_timestamp()
  ),
  -- In the order of names, a step a row, so that the limit ends it: at_type is unhandled, or the beginning of
  -- gap n, which ends before types[n]; the last gap has no end.
  walk as (
    select 1 as n, '' as at_type, false as is_unhandled
    union all
    select
      case when x.type is null then w.n + 1 else w.n end,
      coalesce(x.type, h.types[w.n]),
      x.type is not null
    from walk w
    cross join handled h
    left join lateral (
      (
        select t.type
        from taskq.worker_tasks_live t
        where t.type > w.at_type
          and t.type < h.types[w.n]
          and t.status = 'pending'
        order by t.type
        limit 1
      )
      union all
      (
        select t.type
        from taskq.worker_tasks_live t
        where t.type > w.at_type
          and h.types[w.n] is null
          and t.status = 'pending'
        order by t.type
        limit 1
      )
    ) x on true
    where x.type is not null
      or h.types[w.n] is not null
  ),
  found as materialized (
    select w.at_type as type
    from walk w
    where w.is_unhandled
    limit $1
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
$$;
