-- breaking: no
-- What no task may be. Fails, and changes nothing, when there is such a task already.

-- Of the jsonb as it is stored: asking for that costs 0.1 us a row, the length of the text ten times that.
alter table taskq.worker_tasks
  add constraint worker_tasks_payload_is_at_most_1_mib check (pg_column_size(payload) <= 1048576);

-- Days, and the counters of days, stand on it.
alter table taskq.worker_tasks_finished
  add constraint worker_tasks_finished_at_some_time check (finished_at is not null);
