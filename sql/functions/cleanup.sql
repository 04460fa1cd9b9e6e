-- Parts of taskq.cleanup, below.

-- The day partitions of a table; a day that taskq.settle_days has made may have several.
create or replace function taskq.days_of(parent regclass) returns table (child name, day date)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select x.relname, x.day
  from (
    select c.relname, to_date(substring(c.relname from '_([0-9]{8})(_[0-9]+)?$'), 'YYYYMMDD') as day
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = $1
  ) x
  where x.day is not null
$$;

-- Deletes at most `most` finished tasks of one partition, and what they count; returns how many.
create or replace function taskq.delete_older(
  partition name,
  status    taskq.task_status,
  before    timestamptz,
  most      bigint
) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  removed bigint;
begin
  execute format(
    $sql$
    with c as materialized (
      select ctid from taskq.%1$I where finished_at < $2 limit $3 for update skip locked
    ),
    d as (
      delete from taskq.%1$I where ctid = any(array(select ctid from c)) returning finished_at, type
    ),
    k as (
      insert into taskq.finished_counts (day, status, type, n)
      select (finished_at at time zone 'UTC')::date, $1, type, -count(*)
      from d
      group by 1, 3
    )
    select count(*) from d
    $sql$, partition)
  into removed
  using status, before, most;
  return removed;
end
$$;

-- Removes finished tasks that are older than the given age, in one step: call it again while it says that
-- something remains.
--   older_than  since they finished
--   status      'completed', 'failed' or 'cancelled'; null: all three
--   whole_days  only days (UTC) of which every task is that old: nothing needs to be deleted row by row
--   most        how many tasks a step deletes row by row
-- Returns how many tasks the step removed, and what remains: null (nothing), 'more' (call again) or 'busy'
-- (a day is in use by somebody: call again later).
--
-- Whole days go by dropping their partitions, one a step, because that needs a lock that stops the workers'
-- completions for a moment; it is waited for 50 ms at most. The counters that taskq.stats() adds up go with
-- their tasks. Attempts go by the day too, once they are that old and no finished task of that day or of
-- an earlier one is kept.
-- Errors: 22023, a value that makes no sense; 22008, an age beyond all times.
create or replace function taskq.cleanup(
  older_than  interval,
  status      taskq.task_status default null,
  whole_days  boolean default false,
  most        integer default 10000,
  out removed bigint,
  out remains text
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '50ms'
set enable_seqscan = off -- along the indexes on finished_at of the defaults; what has none is read once
set jit = off
as $$
declare
  cutoff    timestamptz := now() - older_than;
  first_day date := cutoff; -- not to be dropped, nor are the days after it
  statuses  taskq.task_status[] := case
    when status is null then '{completed,failed,cancelled}' else array[status]
  end;
  kept_day  date;
  is_held   boolean;
  deleted   bigint;
  target    record;
begin
  if cutoff is null or cutoff > now() then
    raise exception using errcode = '22023', message = 'older_than must be an age';
  elsif status in ('pending', 'running') then
    raise exception using errcode = '22023', message = 'only finished tasks can be removed';
  elsif most is null or most < 1 then
    raise exception using errcode = '22023', message = 'most must be at least 1';
  end if;
  removed := 0;

  -- What had no day when it finished goes first, because the counters of a day go with it. A task that somebody
  -- holds is counted too, so the days of its status stay.
  for target in
    select s.status, ('worker_tasks_' || s.status || '_default')::name as child
    from unnest(statuses) s(status)
  loop
    begin
      removed := removed + taskq.delete_older(
        target.child, target.status, case when whole_days then first_day else cutoff end, most - removed);
      if removed >= most then
        remains := 'more';
        return;
      end if;
      execute format('select exists (select from taskq.%I where finished_at < $1)', target.child)
      into is_held
      using first_day::timestamptz;
    exception
      when lock_not_available or deadlock_detected then is_held := true; -- by taskq.settle_days
    end;
    if is_held then
      statuses := array_remove(statuses, target.status);
      remains := 'busy';
    end if;
  end loop;

  for target in
    select s.status, d.day, string_agg(format('taskq.%I', d.child), ', ') as children
    from unnest(statuses) s(status)
    cross join lateral taskq.days_of(('taskq.worker_tasks_' || s.status)::regclass) d
    where d.day < first_day
    group by d.day, s.status
    order by d.day, s.status
  loop
    begin
      -- The books are locked first, because the lock on the day stops completions; who has them needs
      -- a moment.
      perform set_config('lock_timeout', '1s', true);
      perform pg_advisory_xact_lock(hashtext('taskq.finished_counts'));
      perform set_config('lock_timeout', '50ms', true);
      execute 'drop table ' || target.children;
      with k as (
        delete from taskq.finished_counts k
        where k.day = target.day
          and k.status = target.status
        returning k.n
      )
      select removed + coalesce(sum(k.n), 0) into removed from k;
      remains := 'more';
      return;
    exception
      when lock_not_available or deadlock_detected then remains := 'busy';
    end;
  end loop;

  -- The boundary day.
  for target in
    select s.status, d.child
    from unnest(statuses) s(status)
    cross join lateral taskq.days_of(('taskq.worker_tasks_' || s.status)::regclass) d
    where d.day = first_day
      and not whole_days
    order by s.status
  loop
    begin
      removed := removed + taskq.delete_older(target.child, target.status, cutoff, most - removed);
      if removed >= most then
        remains := 'more';
        return;
      end if;
    exception
      when lock_not_available or deadlock_detected then remains := 'busy';
    end;
  end loop;

  kept_day := (
    select min(k.day)
    from (select k.day from taskq.finished_counts k group by k.day having sum(k.n) > 0) k
  );
  for target in
    select d.child
    from taskq.days_of('taskq.task_attempts') d
    where d.day < least(first_day, kept_day)
    order by d.day
  loop
    begin
      execute format('drop table taskq.%I', target.child);
      remains := 'more';
      return;
    exception
      when lock_not_available or deadlock_detected then remains := 'busy';
    end;
  end loop;
  begin
    with c as materialized (
      select a.ctid
      from taskq.task_attempts_default a
      where a.finished_at < least(first_day, kept_day)
      limit most
    )
    delete from taskq.task_attempts_default a where a.ctid = any(array(select ctid from c));
    get diagnostics deleted = row_count;
    if deleted >= most then
      remains := 'more';
    end if;
  exception
    when lock_not_available or deadlock_detected then remains := 'busy';
  end;
end
$$;
