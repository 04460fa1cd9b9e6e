-- Merges the rows of taskq.finished_counts that batches of completions have left, into one a day, status
-- and type. At most `most` rows a call. Returns by how many rows the table has shrunk.
--
-- Nothing waits for it: batches only insert, and what it has not seen it does not delete. The lock is for
-- taskq.cleanup, which must see the rows of a day before or after they are merged.
create or replace function taskq.compact_counts(most integer default 100000) returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  merged bigint;
begin
  if not pg_try_advisory_xact_lock(hashtext('taskq.finished_counts')) then
    return 0;
  end if;
  if not exists (
    select from taskq.finished_counts k group by k.day, k.status, k.type having count(*) > 1
  ) then
    return 0;
  end if;

  with d as (
    delete from taskq.finished_counts k
    where k.ctid = any(array(select c.ctid from taskq.finished_counts c limit most))
    returning k.day, k.status, k.type, k.n
  ),
  i as (
    insert into taskq.finished_counts (day, status, type, n)
    select d.day, d.status, d.type, sum(d.n)
    from d
    group by d.day, d.status, d.type
    having sum(d.n) <> 0
    returning 1
  )
  select (select count(*) from d) - (select count(*) from i) into merged;
  return merged;
end
$$;
