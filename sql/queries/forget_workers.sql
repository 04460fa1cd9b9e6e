-- Removes the rows of workers whose lease ran out an hour ago: their tasks were rescued long since.
-- Returns one row as cleanup.sql does: how many workers. Called by tq_chore_forget_workers().
with d as (
  delete from taskq.workers where lease_until < clock_timestamp() - interval '1 hour' returning 1
)
select count(*) as forgotten, null::text as remains
from d
