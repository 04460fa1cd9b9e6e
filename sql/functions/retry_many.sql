-- Puts failed (or cancelled) tasks back into the queue as taskq.retry does, in one batch: at most `most`
-- of them, by growing id, those that somebody else is retrying left out.
--   type             a glob such as 'email:*'; null: any
--   status           'failed' or 'cancelled'
--   finished_from    finished at this time or later; null: any
--   finished_before  finished before this time; null: any
--   reset_attempts   as for taskq.retry
--   after_id         only tasks with a greater id
-- Returns how many, and the last id (null when there was none), which is after_id of the next call.
-- Errors: 22023, a value that makes no sense.
create or replace function taskq.retry_many(
  type            text default null,
  status          taskq.task_status default 'failed',
  finished_from   timestamptz default null,
  finished_before timestamptz default null,
  reset_attempts  boolean default false,
  most            integer default 1000,
  after_id        bigint default 0,
  out retried     bigint,
  out last_id     bigint
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan -- so that only partitions in question are looked at
set enable_seqscan = off -- along the indexes on id, whatever statistics say
set enable_bitmapscan = off
set enable_sort = off
as $$
#variable_conflict use_column
begin
  if retry_many.status is null or retry_many.status not in ('failed', 'cancelled') then
    raise exception using
      errcode = '22023', message = 'only failed and cancelled tasks can be retried';
  elsif most is null or most not between 1 and 10000 then
    raise exception using errcode = '22023', message = 'most must be 1 to 10000';
  end if;

  with c as materialized (
    select t.id, t.finished_at
    from taskq.worker_tasks_finished t
    where t.status = retry_many.status
      and t.id > retry_many.after_id
      and (retry_many.type is null or t.type like taskq.type_pattern(retry_many.type))
      and (retry_many.finished_from is null or t.finished_at >= retry_many.finished_from)
      and (retry_many.finished_before is null or t.finished_at < retry_many.finished_before)
    order by t.id
    limit retry_many.most
    for update skip locked
  ),
  d as (
    delete from taskq.worker_tasks_finished t
    where t.status = retry_many.status
      and t.id = any(array(select id from c))
      -- Leaves out the days without any.
      and t.finished_at >= (select min(finished_at) from c)
      and t.finished_at <= (select max(finished_at) from c)
    returning
      t.id, t.created_at, t.finished_at, t.status, t.priority, t.claims, t.attempts, t.max_attempts,
      t.type, t.payload, t.error
  ),
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
  ),
  k as (
    insert into taskq.finished_counts (day, status, type, n)
    select (finished_at at time zone 'UTC')::date, status, type, -count(*)
    from d
    group by 1, 2, 3
  ),
  x as (
    delete from taskq.cancel_requests r
    where r.id = any(array(select id from d))
  )
  select count(*), max(id) into retried, last_id from d;
end
$$;
