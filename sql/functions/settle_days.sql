-- Parts of taskq.settle_days, below.

-- The gap between the partitions of a parent that a time lies in, at most a day (UTC); and in how many pieces the
-- day is so far.
create or replace function taskq.gap_at(
  parent       text,
  at           timestamptz,
  out from_at  timestamptz,
  out until_at timestamptz,
  out pieces   bigint
)
language sql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO' -- bounds are read back
as $$
  select
    coalesce(max(p.until_at) filter (where p.until_at <= $2), $2::date),
    coalesce(min(p.from_at) filter (where p.from_at > $2), $2::date + 1),
    count(*)
  from (
    select b[1]::timestamptz as from_at, b[2]::timestamptz as until_at
    from taskq.days_of(('taskq.' || $1)::regclass) d
    join pg_class c on c.oid = ('taskq.' || quote_ident(d.child))::regclass
    cross join lateral regexp_match(
      pg_get_expr(c.relpartbound, c.oid), $re$FROM \('([^']*)'\) TO \('([^']*)'\)$re$) b
    where d.day = $2::date
  ) p
$$;

-- Moves the rows of a time from the default partition into a new one.
--   is_left  the default refuses new rows of that time already
-- Returns how many.
--
-- They move in the transaction that attaches the partition, and whoever reads the parent knows it either before or
-- after: everybody waits for a lock on the parent. That is taken last, when nothing remains to be done but to
-- attach, because a check of the default tells the server what it would else have to read all of it for. (A check
-- cannot be added here: that locks the default for readers too.) Without a check everybody waits for all of it.
-- Who writes to the default waits from the beginning: `skip locked` would pass over rows that are on their way.
-- Whether the last locks are to be had is tried first: somebody may read for hours (pg_dump), and all that was
-- moved would go back.
create or replace function taskq.fill_day(
  parent   text,
  from_at  timestamptz,
  until_at timestamptz,
  is_left  boolean
) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  rest    text := parent || '_default';
  child   text := parent || to_char(from_at, '_YYYYMMDD');
  columns text;
  moved   bigint;
begin
  -- The last piece bears the name of its day, which tells taskq.make_days that the day is made.
  if until_at < from_at::date + 1 then
    child := child || to_char(from_at, '_HH24MISSUS');
  end if;
  begin
    execute format('lock table only taskq.%I, taskq.%I in access exclusive mode', parent, rest);
    if is_left then
      raise exception 'not yet'; -- this gives them back
    end if;
  exception
    when raise_exception then null;
  end;
  execute format('lock table taskq.%I in exclusive mode', rest);
  perform taskq.create_day(parent, child);
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
     insert into taskq.%2$I (%3$s) select %3$s from d', rest, child, columns)
  using from_at, until_at;
  get diagnostics moved = row_count;
  if is_left then
    execute format('alter table taskq.%I validate constraint rows_move_to_their_day', rest);
  end if;
  execute format('lock table only taskq.%I in access exclusive mode', parent);
  execute format(
    'alter table taskq.%I attach partition taskq.%I for values from (%L) to (%L)',
    parent, child, from_at, until_at);
  if is_left then
    execute format('alter table taskq.%I drop constraint rows_move_to_their_day', rest);
  end if;
  return moved;
end
$$;

-- Moves tasks and attempts that had no day when they finished from the default partitions into days of their
-- own, in one step: call it again while it says that something remains.
--   most  about how many rows a step moves; up to four times as many when a day has many pieces
-- Returns how many rows the step moved, and what remains: null (nothing), 'more' (call again) or 'busy'
-- (somebody uses a partition: call again later). Called by workers.
--
-- The newest rows come first, a piece of a day at a time; pieces grow with their number, so that millions of rows
-- make some dozens. A time that is over is moved in two steps: the first one adds a check to the default, which
-- keeps new rows of that time out. Nothing finishes then any more: times are the clock's. The second one may be
-- somebody else's, who moves fewer rows: a piece that is too large for him he gives up, and makes a smaller one.
create or replace function taskq.settle_days(
  most        integer default 5000,
  out moved   bigint,
  out remains text
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO' -- the check is read back
set lock_timeout = '50ms' -- others wait behind it
set enable_seqscan = off -- along the indexes on finished_at, whatever statistics say
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  parent text;
  rest   text; -- the default partition
  newest timestamptz;
  gap    record;
  begun  timestamptz[]; -- the time that the check is about
  begins timestamptz;
begin
  moved := 0;
  if not pg_try_advisory_xact_lock(hashtext('taskq.make_days')) then
    remains := 'busy';
    return;
  end if;
  foreach parent in array array[
    'worker_tasks_completed', 'worker_tasks_failed', 'worker_tasks_cancelled', 'task_attempts'
  ] loop
    rest := parent || '_default';
    begin
      begun := (
        select regexp_match(pg_get_constraintdef(k.oid), $re$'([^']*)'.*'([^']*)'$re$)
        from pg_constraint k
        where k.conrelid = ('taskq.' || rest)::regclass
          and k.conname = 'rows_move_to_their_day'
      );
      -- Days that the name of a partition can tell.
      execute format(
        'select finished_at from taskq.%I where finished_at >= $1 and finished_at < $2
         order by finished_at desc limit 1', rest)
      into newest
      using '0001-01-01'::timestamptz, '10000-01-01'::timestamptz;
      continue when newest is null and begun is null;
      remains := 'more';

      gap := taskq.gap_at(parent, newest);
      execute format(
        'select finished_at from taskq.%I where finished_at >= $1 and finished_at < $2
         order by finished_at desc offset $3 limit 1', rest)
      into begins
      using gap.from_at, gap.until_at, most::bigint << least(gap.pieces / 16, 2)::integer;
      begins := coalesce(begins, gap.from_at);

      if begun[1] between begins and newest and begun[2] = gap.until_at then
        moved := taskq.fill_day(parent, begun[1], begun[2], true);
        return;
      elsif begun is not null then -- too much; or something newer has come, or what there was has gone
        execute format('alter table taskq.%I drop constraint rows_move_to_their_day', rest);
        return;
      end if;

      if gap.until_at > clock_timestamp() - interval '1 minute' then
        moved := taskq.fill_day(parent, begins, gap.until_at, false);
      else
        execute format(
          'alter table taskq.%I add constraint rows_move_to_their_day
           check (finished_at < %L or finished_at >= %L) not valid', rest, begins, gap.until_at);
      end if;
      return;
    exception
      -- A deadlock is found at once when somebody who has read the parent, too, waits to drop a day.
      when lock_not_available or deadlock_detected then remains := 'busy';
    end;
  end loop;
end
$$;
