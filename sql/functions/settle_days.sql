-- Part of taskq.settle_days, below: moves rows of a day (UTC) from the default partition into a partition of
-- the day, which it makes or, towards the beginning of the day, widens. Moves the newest rows, `most` of
-- them and those that are as old as the last one. Returns how many.
--
-- A partition cannot have rows that the default has too, so nothing is seen twice or missing at any time; while
-- it works, others wait for the status.
create or replace function taskq.fill_day(parent text, day date, most integer) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO' -- bounds are read back
as $$
declare
  child      text := parent || to_char(day, '_YYYYMMDD');
  day_begins timestamptz := day;
  day_ends   timestamptz := day + 1;
  from_at    timestamptz; -- the partition is to begin here
  until_at   timestamptz; -- where it began before
  columns    text;
  moved      bigint;
begin
  execute format('lock table only taskq.%I in access exclusive mode', parent);
  if to_regclass('taskq.' || child) is null then
    execute format(
      'create table taskq.%I (like taskq.%I including defaults including constraints)', child, parent);
    if parent <> 'task_attempts' then
      execute format('create index %I on taskq.%I (id)', child || '_by_id', child);
    end if;
    until_at := day_ends;
  else
    until_at := (
      select substring(pg_get_expr(c.relpartbound, c.oid) from $re$FROM \('([^']*)'\)$re$)
      from pg_class c
      where c.oid = ('taskq.' || child)::regclass
    );
    execute format('alter table taskq.%I detach partition taskq.%I', parent, child);
  end if;

  execute format(
    'select finished_at from taskq.%I where finished_at >= $1 and finished_at < $2
     order by finished_at desc offset $3 limit 1', parent || '_default')
  into from_at
  using day_begins, until_at, most;
  from_at := coalesce(from_at, day_begins);
  columns := (
    select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
    from pg_attribute a
    where a.attrelid = ('taskq.' || parent)::regclass
      and a.attnum > 0
      and not a.attisdropped
  );
  execute format(
    'with d as (
       delete from taskq.%1$I where finished_at >= $1 and finished_at < $2 returning %3$s
     )
     insert into taskq.%2$I (%3$s) select %3$s from d', parent || '_default', child, columns)
  using from_at, until_at;
  get diagnostics moved = row_count;
  execute format(
    'alter table taskq.%I attach partition taskq.%I for values from (%L) to (%L)',
    parent, child, from_at, day_ends);
  return moved;
end
$$;

-- Moves tasks and attempts that had no day when they finished from the default partitions into days of their
-- own, in one step: call it again while it says that something remains.
--   most  about how many rows a step moves
-- Returns how many rows the step moved, and what remains: null (nothing), 'more' (call again) or 'busy'
-- (somebody uses a partition: call again later). Called by workers.
create or replace function taskq.settle_days(
  most        integer default 5000,
  out moved   bigint,
  out remains text
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '50ms' -- completions wait behind it
as $$
declare
  parent text;
  newest timestamptz;
begin
  moved := 0;
  if not pg_try_advisory_xact_lock(hashtext('taskq.make_days')) then
    remains := 'busy';
    return;
  end if;
  foreach parent in array array[
    'worker_tasks_completed', 'worker_tasks_failed', 'worker_tasks_cancelled', 'task_attempts'
  ] loop
    begin
      execute format(
        'select max(finished_at) from taskq.%I where isfinite(finished_at)', parent || '_default')
      into newest;
      if newest is not null then
        moved := taskq.fill_day(parent, newest::date, most);
        remains := 'more';
        return;
      end if;
    exception
      when lock_not_available then remains := 'busy';
    end;
  end loop;
end
$$;
