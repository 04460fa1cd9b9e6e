-- Makes the day partitions of today (UTC) and the `ahead` days after it, for every finished status and
-- for attempts. Days that exist are left alone, and so are days whose rows already sit in a default
-- partition (see taskq.settle_days) and, where there is a lock_timeout, days that somebody is in the way of.
-- Returns the number of partitions made.
-- Cheap when there is nothing to do; safe to call from several sessions at once.
create or replace function taskq.make_days(ahead integer default 7) returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO' -- the bounds below are read back
as $$
declare
  made   integer := 0;
  day    date;
  parent text;
  child  text;
begin
  for day in
    select (now() at time zone 'UTC')::date + g from generate_series(0, make_days.ahead) g
  loop
    foreach parent in array array[
      'worker_tasks_completed', 'worker_tasks_failed', 'worker_tasks_cancelled', 'task_attempts'
    ] loop
      child := parent || to_char(day, '_YYYYMMDD');
      continue when to_regclass('taskq.' || child) is not null;
      -- One maker at a time; the lock goes with the transaction.
      perform pg_advisory_xact_lock(hashtext('taskq.make_days'));
      continue when to_regclass('taskq.' || child) is not null;
      begin
        execute format(
          'create table taskq.%I partition of taskq.%I for values from (%L) to (%L)',
          child, parent, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
        if parent <> 'task_attempts' then
          execute format('create index %I on taskq.%I (id)', child || '_by_id', child);
        end if;
        made := made + 1;
      exception
        when check_violation then null; -- rows of that day are in the default partition already
        when lock_not_available then null;
        when duplicate_table then null; -- to_regclass may not have heard of it: an advisory lock does
                                        -- not bring caches up to date as locks on tables do
      end;
    end loop;
  end loop;
  return made;
end
$$;
