-- One task as a JSON object: the columns of taskq.worker_tasks, then worker_name (null: the worker is
-- long gone), cancel_requested_at (null: nobody has), progress (what the handler says while it runs, else
-- null), and task_attempts, an array of the attempts that did not succeed or said something, the oldest
-- first. Null when there is no such task.
create or replace function taskq.show(id bigint) returns json
language sql stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off -- by the indexes on id, whatever statistics say
as $$
  select row_to_json(x)
  from (
    select
      t.id, t.type, t.payload, t.status, t.priority, t.attempts, t.max_attempts, t.scheduled_at,
      t.created_at, t.started_at, t.finished_at, t.worker_id, t.claims, t.result, t.error,
      (
        select w.name from taskq.workers w where w.id = t.worker_id
      ) as worker_name,
      (
        select min(r.requested_at) from taskq.cancel_requests r where r.id = t.id
      ) as cancel_requested_at,
      (
        select p.progress
        from taskq.task_progress p
        where p.id = t.id
          and p.claims = t.claims
          and t.status = 'running'
      ) as progress,
      (
        select coalesce(json_agg(row_to_json(a) order by a.claims, a.attempt, a.finished_at), '[]')
        from (
          select
            attempt, claims, worker_id, worker_name, kind, error, traceback, started_at, finished_at,
            log, log_dropped, progress
          from taskq.task_attempts
          where task_id = t.id
        ) a
      ) as task_attempts
    from taskq.worker_tasks t
    where t.id = $1
  ) x
$$;
