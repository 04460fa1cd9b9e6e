-- Makes the roles of taskq, if it may, and gives each what its part needs, and nothing to PUBLIC:
--   taskq_producer  enqueues: by function, by plain insert, by COPY; not ids, not statuses
--   taskq_worker    runs tasks: what the statements of src/worker touch; for its handlers it also enqueues,
--                   cancels and retries single tasks, and counts
--   taskq_reader    looks at everything
--   taskq_admin     looks, enqueues, and calls every function
-- None of them can log in: they are granted to roles that do. A role that is missing and may not be made
-- gets nothing. Returns the statements that make those, for an administrator; null when none is missing.
-- Called by migrate, with the rights of the schema's owner.
create or replace function taskq.grant_roles() returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  role_name text;
  statement text;
  missing   text;
begin
  foreach role_name in array array['taskq_producer', 'taskq_worker', 'taskq_reader', 'taskq_admin'] loop
    continue when exists (select from pg_roles r where r.rolname = role_name);
    begin
      execute format('create role %I nologin', role_name);
    exception
      when insufficient_privilege then
        missing := concat_ws(E'\n', missing, format('create role %I nologin;', role_name));
      when duplicate_object or unique_violation then null; -- made for another database just now
    end;
  end loop;

  revoke all on all functions in schema taskq from public;

  for role_name, statement in
    select r.name, s.statement
    from (values
      (
        '{taskq_producer,taskq_worker,taskq_reader,taskq_admin}'::text[],
        array[
          'usage on schema taskq',
          'select on taskq.migrations, taskq.applied_functions'
        ]
      ),
      (
        '{taskq_producer,taskq_worker,taskq_admin}',
        array[
          'insert (type, payload, priority, max_attempts, scheduled_at) on taskq.worker_tasks',
          'select (id) on taskq.worker_tasks', -- for `returning id`
          'usage on sequence taskq.task_id', -- for the default of id
          'select on sequence taskq.awake_until, taskq.heard_until', -- for the trigger
          'execute on function
             taskq.enqueue(text, jsonb, integer, integer, timestamptz), taskq.enqueue_many(jsonb),
             taskq.notify_created()'
        ]
      ),
      (
        '{taskq_worker}',
        array[
          'select, delete on taskq.worker_tasks_live',
          'update (status, claims, attempts, started_at, worker_id, scheduled_at, error)
             on taskq.worker_tasks_live',
          'insert on taskq.worker_tasks_finished',
          -- For listeners, and for outcomes whose answer was lost.
          'select (id, type, status, payload, priority, attempts, max_attempts, claims, scheduled_at,
             created_at, finished_at, worker_id) on taskq.worker_tasks_finished',
          'select (task_id, claims, worker_id, kind, finished_at) on taskq.task_attempts',
          'insert on taskq.finished_counts, taskq.task_attempts',
          'select, insert, update, delete on taskq.workers',
          'select on taskq.cancel_requests',
          'select, insert, update, delete on taskq.task_progress',
          'update on sequence taskq.awake_until, taskq.heard_until',
          'select on sequence taskq.followed_until',
          -- What enqueue_task.sql returns to handlers.
          'select (id, scheduled_at, created_at) on taskq.worker_tasks',
          'select on taskq.finished_counts',
          'execute on function
             taskq.cancel(bigint), taskq.retry(bigint, boolean), taskq.stats()',
          'execute on function
             taskq.make_days(integer), taskq.settle_days(integer), taskq.settle_cancel_requests(),
             taskq.compact_counts(integer), taskq.unhandled_types(integer),
             taskq.cleanup(interval, taskq.task_status, boolean, integer)'
        ]
      ),
      (
        '{taskq_reader,taskq_admin}',
        array[
          'select on
             taskq.worker_tasks, taskq.worker_tasks_live, taskq.worker_tasks_finished,
             taskq.task_attempts, taskq.finished_counts, taskq.workers, taskq.cancel_requests,
             taskq.task_progress',
          'execute on function
             taskq.stats(), taskq.unhandled_types(integer), taskq.show(bigint),
             taskq.type_pattern(text), taskq.follow(),
             taskq.list(taskq.task_status, text, integer, bigint)'
        ]
      ),
      (
        '{taskq_admin}',
        array['execute on all functions in schema taskq']
      )
    ) g(names, statements)
    cross join lateral unnest(g.names) r(name)
    cross join lateral unnest(g.statements) s(statement)
    where exists (select from pg_roles p where p.rolname = r.name)
  loop
    execute format('grant %s to %I', statement, role_name);
  end loop;
  return missing;
end
$$;
