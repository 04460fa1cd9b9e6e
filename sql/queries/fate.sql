-- What became of a handler's transaction whose COMMIT was not answered. Its completion tells, being part of
-- it: the finished row is there, or the live one is free. The transaction's id would not do: a server that has
-- lost what was written last (a replica that was promoted, a crash) gives it to another transaction.
--   $1 bigint id, $2 int claims, $3 bigint worker of the task
--   $4 int pid, $5 xid8 the transaction's backend, and its id there: to end it, and nobody else
-- Returns one row: state 'committed', 'aborted', or 'in progress' (or locked by somebody else): then the
-- backend is ended if it still runs, so that the answer is final the next time.
-- Locks: the live row, for the statement; so a server that only reads refuses, which cannot know.
-- Index: worker_tasks_live_has_one_row_an_id, by_id of the completed days. Called by transaction.c.
with l as materialized (
  select t.id
  from taskq.worker_tasks_live t
  where t.id = $1::bigint
    and t.claims = $2::int
    and t.worker_id = $3::bigint
),
free as materialized (
  select t.id
  from taskq.worker_tasks_live t
  where t.id = $1::bigint
    and t.claims = $2::int
    and t.worker_id = $3::bigint
  for update skip locked
),
s as materialized (
  select case
    when exists (
      select from taskq.worker_tasks_finished f
      where f.id = $1::bigint
        and f.claims = $2::int
        and f.worker_id = $3::bigint
        and f.status = 'completed'
    ) then 'committed'
    when exists (select from l) and not exists (select from free) then 'in progress'
    else 'aborted'
  end as state
)
select
  s.state,
  case when s.state = 'in progress' then (
    select pg_terminate_backend(a.pid)
    from pg_stat_activity a
    where a.pid = $4::int
      and a.backend_xid = $5::xid8::xid
  ) end as is_ended
from s
