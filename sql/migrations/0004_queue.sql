-- breaking: no
-- Who made an attempt, by the name that people know: the row in taskq.workers goes an hour after its worker.

alter table taskq.task_attempts add column worker_name text;
