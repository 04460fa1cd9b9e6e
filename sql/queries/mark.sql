-- A transaction of its own that takes an id: rows of every later transaction are not older than its
-- clock. When $1 is above 0 it also promises that this worker looks for tasks for the next $1 ms.
--   $1 int promise_ms
-- Returns xid, clock (read before the id was assigned).
-- Called by tq_repository_mark().
select
  now() as clock,
  pg_current_xact_id()::text::bigint as xid,
  case when $1::int > 0 then
    setval('taskq.awake_until', (extract(epoch from clock_timestamp()) * 1000)::bigint + $1::int)
  end as promise
