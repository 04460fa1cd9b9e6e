-- How many blocks the live partition has, for slicing it.
-- Returns one row. Called by tq_repository_live_blocks().
select pg_relation_size('taskq.worker_tasks_live') / current_setting('block_size')::bigint
