-- One step of moving what sits in default partitions into days of its own.
--   $1 int most
-- Returns one row as cleanup.sql does: how many rows were moved. Called by tq_chore_settle_days().
select moved, remains from taskq.settle_days($1::int)
