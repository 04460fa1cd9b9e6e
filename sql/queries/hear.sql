-- Has inserts tell which tasks they make, for the next 30 s; see the trigger on taskq.worker_tasks.
-- Called by tq_repository_hear().
select setval('taskq.heard_until', (extract(epoch from clock_timestamp()) * 1000)::bigint + 30000)
