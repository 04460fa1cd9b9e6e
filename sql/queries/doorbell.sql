-- Wakes the sleeping workers of a fleet: one NOTIFY if there are due tasks that this worker, whose
-- promise keeps producers silent, cannot take and another live one could. Its payload is our id, so that
-- we know it for our own.
--   $1 bigint own worker id, $2 text[] own types, $3 bool whether this worker is full
--   $4 text[], $5 smallint[], $6 timestamptz[], $7 bigint[]: its lanes with their cursors
-- Returns one row when it rang, none otherwise. Hops from priority to priority of the others' types, so
-- that future tasks cost nothing.
-- Index: worker_tasks_live_by_lane. Called by tq_repository_ring_doorbell().
with recursive others as materialized (
  select distinct o.type
  from taskq.workers w
  cross join lateral unnest(w.types) o(type)
  where w.id <> $1::bigint
    and w.lease_until > clock_timestamp()
),
lanes as (
  select o.type, x.priority
  from others o
  cross join lateral (
    select t.priority
    from taskq.worker_tasks_live t
    where t.type = o.type
    order by t.priority desc
    limit 1
  ) x
  where o.type <> all($2::text[])
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
select pg_notify('taskq', $1::bigint::text)
where exists (
    select 1
    from lanes l
    cross join lateral (
      select 1
      from taskq.worker_tasks_live t
      where t.type = l.type
        and t.priority = l.priority
        and t.status = 'pending'
        and t.scheduled_at <= now()
      order by t.scheduled_at
      limit 1
    ) x
  )
  or ($3::bool and exists (
    select 1
    from unnest($4::text[], $5::smallint[], $6::timestamptz[], $7::bigint[]) l(type, priority, at, id)
    cross join lateral (
      select 1
      from taskq.worker_tasks_live t
      where t.type = l.type
        and t.priority = l.priority
        and t.status = 'pending'
        and (t.scheduled_at, t.id) > (l.at, l.id)
        and t.scheduled_at <= now()
      order by t.scheduled_at, t.id
      limit 1
    ) x
    where l.type in (select type from others)
  ))
