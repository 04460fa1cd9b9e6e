-- Whether a task of the given types is left that could still run: running, by any worker, or pending;
-- future ones included when $2.
--   $1 text[] types, $2 bool with_future
-- Returns one row: true or false. Hops from priority to priority, so that future tasks cost nothing.
-- Index: worker_tasks_live_by_lane. Called by tq_repository_remaining().
with recursive lanes as (
  select l.type, x.priority
  from unnest($1::text[]) l(type)
  cross join lateral (
    select t.priority
    from taskq.worker_tasks_live t
    where t.type = l.type
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
select exists (
  select 1
  from lanes l
  cross join lateral (
    -- What runs was due when it was claimed.
    select 1
    from taskq.worker_tasks_live t
    where t.type = l.type
      and t.priority = l.priority
      and t.scheduled_at <= case when $2::bool then 'infinity' else now() end
    order by t.scheduled_at
    limit 1
  ) x
)
