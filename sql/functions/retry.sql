-- Puts one failed or cancelled task back into the queue, due now, and returns 'retried'.
--   reset_attempts  forget the attempts that were used up. Otherwise they stand, and a max_attempts that is
--                   used up grows by one (fail.sql has filled it in, when it was the handler's). A task
--                   without one has attempts left that its handler allows.
-- Claims go on where they were, so that writes of earlier claims are still refused. The last error stays
-- until there is another.
-- Errors: TQ001, there is no such task; TQ002, it is neither failed nor cancelled.
create or replace function taskq.retry(id bigint, reset_attempts boolean default false) returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off -- by the indexes on id, whatever statistics say
as $$
#variable_conflict use_column
declare
  found_status taskq.task_status;
begin
  loop
    with d as (
      delete from taskq.worker_tasks_finished t
      where t.id = retry.id
        and t.status in ('failed', 'cancelled')
      returning
        t.id, t.created_at, t.finished_at, t.status, t.priority, t.claims, t.attempts, t.max_attempts,
        t.type, t.payload, t.error
    ),
    -- Through the parent, whose trigger wakes workers.
    p as (
      insert into taskq.worker_tasks (
        id, scheduled_at, created_at, priority, claims, attempts, max_attempts, type, payload, error
      )
      select
        id, case when pg_current_xact_id() is not null then clock_timestamp() end, created_at, priority,
        claims, case when not reset_attempts then attempts else 0 end,
        case
          when not reset_attempts and attempts >= max_attempts then least(attempts + 1, 1000)
          else max_attempts
        end,
        type, payload, error
      from d
    )
    insert into taskq.finished_counts (day, status, type, n)
    select (finished_at at time zone 'UTC')::date, status, type, -1
    from d;
    if found then
      -- Of the run that ended: it is not this one that was to be cancelled.
      delete from taskq.cancel_requests r where r.id = retry.id;
      return 'retried';
    end if;

    found_status := (select t.status from taskq.worker_tasks t where t.id = retry.id);
    if found_status is null then
      raise exception using errcode = 'TQ001', message = format('there is no task %s', retry.id);
    elsif found_status not in ('failed', 'cancelled') then
      raise exception using
        errcode = 'TQ002',
        message = format('task %s is %s, neither failed nor cancelled', retry.id, found_status);
    end if;
  end loop;
end
$$;
