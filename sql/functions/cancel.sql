-- Cancels one task and says how:
--   'cancelled'  it was pending and is finished now
--   'requested'  it runs: its worker is asked to stop the handler and to write 'cancelled', unless the
--                task finishes first
-- Errors: TQ001, there is no such task; TQ002, it has finished already.
--
-- A claim that comes between looking and deleting makes the delete find nothing, because it looks at
-- the row again once it has the lock; then the task runs, and is asked. The time is the clock's, because the
-- caller's transaction may have begun before the task was there.
create or replace function taskq.cancel(id bigint) returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off -- by the indexes on id, whatever statistics say
as $$
#variable_conflict use_column
declare
  is_running   boolean;
  found_status taskq.task_status;
begin
  loop
    with d as (
      delete from taskq.worker_tasks_live t
      where t.id = cancel.id
        and t.status = 'pending'
      returning
        t.id, t.scheduled_at, t.created_at, t.started_at, t.worker_id, t.priority, t.claims,
        t.attempts, t.max_attempts, t.type, t.payload, t.error
    ),
    f as (
      insert into taskq.worker_tasks_finished (
        id, scheduled_at, created_at, started_at, finished_at, worker_id, status, priority, claims,
        attempts, max_attempts, type, payload, error
      )
      select
        id, scheduled_at, created_at, started_at, clock_timestamp(), worker_id, 'cancelled', priority,
        claims, attempts, max_attempts, type, payload, error
      from d
      returning type, finished_at
    )
    insert into taskq.finished_counts (day, status, type, n)
    select (finished_at at time zone 'UTC')::date, 'cancelled', type, 1
    from f;
    if found then
      delete from taskq.cancel_requests r where r.id = cancel.id;
      return 'cancelled';
    end if;

    -- Takes no lock on the task, which its worker may be about to finish.
    with r as materialized (
      select t.id, t.claims
      from taskq.worker_tasks_live t
      where t.id = cancel.id
        and t.status = 'running'
    ),
    i as (
      insert into taskq.cancel_requests (id, claims)
      select id, claims
      from r
      on conflict do nothing
    )
    select exists (select from r) into is_running;
    if is_running then
      if current_setting('taskq.notify', true) is distinct from 'off' then
        perform pg_notify('taskq_cancel', '');
      end if;
      return 'requested';
    end if;

    -- One statement sees a task in exactly one place, however it moves.
    found_status := (select t.status from taskq.worker_tasks t where t.id = cancel.id);
    if found_status is null then
      raise exception using errcode = 'TQ001', message = format('there is no task %s', cancel.id);
    elsif found_status in ('completed', 'failed', 'cancelled') then
      raise exception using
        errcode = 'TQ002',
        message = format('task %s is %s already', cancel.id, found_status);
    end if;
  end loop;
end
$$;
