-- Whether a task of the given types is left: when $2, pending (future ones included) or running by any
-- worker; else only pending and due.
--   $1 text[] types, $2 bool with_future
-- Returns one row: true or false. Called by tq_repository_remaining().
select exists (
  select 1
  from unnest($1::text[]) l(type)
  cross join lateral (
    select 1
    from taskq.worker_tasks_live t
    where t.type = l.type
      and ($2::bool or (t.status = 'pending' and t.scheduled_at <= now()))
    limit 1
  ) x
)
