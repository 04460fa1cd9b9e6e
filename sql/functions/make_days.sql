-- Part of taskq.make_days and taskq.settle_days: makes a table that is to be attached as a day, and its index,
-- which attaching would otherwise make. `create table ... partition of` would lock the parent meanwhile.
create or replace function taskq.create_day(parent text, child text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  execute format(
    'create table taskq.%I (like taskq.%I including defaults including constraints)', child, parent);
  if parent = 'task_attempts' then
    execute format('create index %I on taskq.%I (task_id, attempt)', child || '_by_task', child);
  else
    execute format('create index %I on taskq.%I (id)', child || '_by_id', child);
  end if;
end
$$;

-- Makes the day partitions of today (UTC) and the `ahead` days after it, for every finished status and
-- for attempts. Days that exist are left alone, and so are days whose rows already sit in a default
-- partition (see taskq.settle_days) and, where there is a lock_timeout, days that somebody is in the way of.
-- Returns the number of partitions made.
-- Cheap when there is nothing to do; safe to call from several sessions at once.
create or replace function taskq.make_days(ahead integer default 7) returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO'
set enable_seqscan = off -- along the indexes on finished_at, whatever statistics say
as $$
declare
  days   date[] := array(select current_date + g from generate_series(0, make_days.ahead) g);
  made   integer := 0;
  parent text;
  rest   text; -- the default partition
  absent date[];
  day    date;
begin
  foreach parent in array array[
    'worker_tasks_completed', 'worker_tasks_failed', 'worker_tasks_cancelled', 'task_attempts'
  ] loop
    continue when not exists (
      select from unnest(days) d where to_regclass('taskq.' || parent || to_char(d, '_YYYYMMDD')) is null
    );
    -- One maker at a time; the lock goes with the transaction.
    perform pg_advisory_xact_lock(hashtext('taskq.make_days'));
    rest := parent || '_default';
    begin
      -- A statement that does not know the day yet must not miss what finishes then; days ahead are empty.
      if to_regclass('taskq.' || parent || to_char(current_date, '_YYYYMMDD')) is null then
        execute format('lock table only taskq.%I in access exclusive mode', parent);
      end if;
      -- Brings what is known of tables up to date, which an advisory lock does not.
      execute format('lock table taskq.%I in access exclusive mode', rest);
      execute format(
        'select array_agg(d)
         from unnest($1) d
         where to_regclass(''taskq.'' || $2 || to_char(d, ''_YYYYMMDD'')) is null
           and not exists (select from taskq.%I where finished_at >= d and finished_at < d + 1)', rest)
      into absent
      using days, parent;
      continue when absent is null;
      -- Else the server would read the default once for each day.
      execute format('alter table taskq.%I add constraint rows_are_of_other_days check (%s)', rest, (
        select string_agg(format('(finished_at < %L or finished_at >= %L)', d, d + 1), ' and ')
        from unnest(absent) d
      ));
      foreach day in array absent loop
        perform taskq.create_day(parent, parent || to_char(day, '_YYYYMMDD'));
        execute format(
          'alter table taskq.%I attach partition taskq.%I for values from (%L) to (%L)',
          parent, parent || to_char(day, '_YYYYMMDD'), day, day + 1);
      end loop;
      execute format('alter table taskq.%I drop constraint rows_are_of_other_days', rest);
      made := made + cardinality(absent);
    exception
      when lock_not_available or deadlock_detected then null;
    end;
  end loop;
  return made;
end
$$;
