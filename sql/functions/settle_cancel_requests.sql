-- Ends the requests to cancel (see taskq.cancel) that no worker answers any more. A request stands until
-- its task has finished:
--   the task is pending again (it failed or was given back first): it is cancelled now
--   it runs again, under a newer claim: the request is about that claim now
--   it has finished: the request goes
-- Returns the number of tasks that it cancelled. Harmless when several do it at once. Called by workers.
create or replace function taskq.settle_cancel_requests() returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  cancelled bigint;
begin
  if not exists (select from taskq.cancel_requests) then
    return 0;
  end if;

  -- Here and below, from the requests, of which there are few, to the tasks by their ids; a join would be
  -- at the mercy of statistics.
  with d as (
    delete from taskq.worker_tasks_live t
    where t.id = any(array(select r.id from taskq.cancel_requests r))
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
      id, scheduled_at, created_at, started_at, clock_timestamp(), worker_id, 'cancelled', priority, claims,
      attempts, max_attempts, type, payload, error
    from d
    returning type, finished_at
  ),
  k as (
    insert into taskq.finished_counts (day, status, type, n)
    select (finished_at at time zone 'UTC')::date, 'cancelled', type, count(*)
    from f
    group by 1, type
  )
  select count(*) into cancelled from f;

  delete from taskq.cancel_requests r
  where (select t.id from taskq.worker_tasks_live t where t.id = r.id) is null;

  with n as materialized (
    select
      r.id, r.claims, r.requested_at,
      (
        select t.claims from taskq.worker_tasks_live t where t.id = r.id and t.status = 'running'
      ) as newer_claims
    from taskq.cancel_requests r
  ),
  o as (
    delete from taskq.cancel_requests r
    using n
    where r.id = n.id
      and r.claims = n.claims
      and n.newer_claims > n.claims
    returning n.id, n.newer_claims, n.requested_at
  )
  insert into taskq.cancel_requests (id, claims, requested_at)
  select id, newer_claims, min(requested_at)
  from o
  group by id, newer_claims
  on conflict do nothing;
  if found then
    perform pg_notify('taskq_cancel', '');
  end if;
  return cancelled;
end
$$;
