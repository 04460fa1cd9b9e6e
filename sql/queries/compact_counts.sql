-- One step of merging counters. A step that was as long as it may be has merged two rows into one at least.
--   $1 int most
-- Returns one row as cleanup.sql does: how many rows went. Called by tq_chore_compact_counts().
select n as merged, case when n >= $1::int / 2 - 1 then 'more' end as remains
from taskq.compact_counts($1::int) c(n)
