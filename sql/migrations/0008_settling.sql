-- breaking: no
-- Rows without a day are found by their time, however many there are. Days have no such index: none is needed.

create index worker_tasks_completed_default_by_time
  on taskq.worker_tasks_completed_default (finished_at);
create index worker_tasks_failed_default_by_time
  on taskq.worker_tasks_failed_default (finished_at);
create index worker_tasks_cancelled_default_by_time
  on taskq.worker_tasks_cancelled_default (finished_at);
create index task_attempts_default_by_time
  on taskq.task_attempts_default (finished_at);

-- Its parameters have changed; see settle_days.sql.
drop function if exists taskq.fill_day(text, date, integer);
