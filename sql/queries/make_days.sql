-- Makes the day partitions of today and the days ahead.
-- Returns one row as cleanup.sql does: how many partitions were made. Called by tq_chore_make_days().
select taskq.make_days()::bigint as made, null::text as remains
