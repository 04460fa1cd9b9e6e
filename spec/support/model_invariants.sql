-- What must be true of a queue at any moment: each row names a rule that is broken, and how often. Run by
-- spec/support/model_judge.lua.
with stats as (
  select s.* from taskq.stats() s
),
counted as (
  select
    count(*) filter (where status = 'pending') as pending,
    count(*) filter (where status = 'running') as running,
    count(*) filter (where status = 'completed') as completed,
    count(*) filter (where status = 'failed') as failed,
    count(*) filter (where status = 'cancelled') as cancelled,
    count(*) as total
  from taskq.worker_tasks
),
broken as (
  select 'a task has more than one row' as rule, count(*) - count(distinct id) as n
  from taskq.worker_tasks
  union all
  select 'the counters differ from the rows', count(*) from (table stats except table counted) x
  union all
  select 'a day''s counters differ from its rows', count(*)
  from (
    select day, status, type, sum(n) as n from taskq.finished_counts group by 1, 2, 3
    having sum(n) <> 0
    except all
    select (finished_at at time zone 'UTC')::date, status, type, count(*)
    from taskq.worker_tasks_finished group by 1, 2, 3
  ) x
  union all
  select 'a pending task has marks of a run', count(*) from taskq.worker_tasks_live
  where status = 'pending' and num_nonnulls(worker_id, started_at, finished_at, result) > 0
  union all
  select 'a running task lacks marks of its run', count(*) from taskq.worker_tasks_live
  where status = 'running'
    and (num_nulls(worker_id, started_at) > 0 or finished_at is not null or claims < 1
      or attempts < 1)
  union all
  select 'a finished task has no end, or one before its start', count(*)
  from taskq.worker_tasks_finished
  where finished_at is null or finished_at < started_at or finished_at < created_at
  union all
  select 'a completed task lacks marks of its run', count(*) from taskq.worker_tasks_completed
  where num_nulls(worker_id, started_at, result) > 0 or attempts < 1
  union all
  select 'a failed task has no error', count(*) from taskq.worker_tasks_failed
  where error is null or attempts < 1
  union all
  select 'attempts are out of bounds', count(*) from taskq.worker_tasks
  where attempts < 0 or attempts > claims or attempts > max_attempts + (status = 'running')::int
  union all
  select 'a claim has more than one attempt', count(*) - count(distinct (task_id, claims))
  from taskq.task_attempts
)
select rule, n from broken where n <> 0
