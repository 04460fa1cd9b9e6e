-- Merges the rows of taskq.finished_counts that batches of completions have left, into one a day, status
-- and type. At most `most` rows a call. Returns by how many rows the table has shrunk.
--
-- Nothing waits for it: batches only insert, and what it has not seen it does not delete. The lock is for
-- taskq.cleanup, which must see the rows of a day before or after they are merged.
create or replace function taskq.compact_counts(most integer default 100000) returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on -- all of the table, once: whatever a worker's connection has switched off
set enable_hashjoin = on
as $$
declare
  merged bigint;
begin
  if not pg_try_advisory_xact_lock(hashtext('taskq.finished_counts')) then
    return 0;
  end if;

  with g as materialized (
    select k.day, k.status, k.type
    from taskq.finished_counts k
    group by k.day, k.status, k.type
    having count(*) > 1 or sum(k.n) = 0
  ),
  c as materialized (
    select k.ctid
    from taskq.finished_counts k
    join g on g.day = k.day and g.status = k.status and g.type = k.type
    order by k.day, k.status, k.type -- whole groups, or nothing might shrink
    limit most
  ),
  d as (
    delete from taskq.finished_counts k
    where k.ctid = any(array(select ctid from c))
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
