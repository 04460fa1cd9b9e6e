-- A page of tasks, the newest (greatest id) first.
--   status  null: any
--   type    a glob such as 'email:*'; null: any
--   most    the size of the page
--   after   the last id of the page before; null: the first page
-- Each page follows the indexes on id, so it costs what it shows and not what the history holds, but for
-- the tasks that `type` makes it pass over.
create or replace function taskq.list(
  status taskq.task_status default null,
  type   text default null,
  most   integer default 50,
  after  bigint default null
) returns setof taskq.worker_tasks
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan -- so that only partitions of the status are looked at
set enable_seqscan = off -- along the indexes on id, whatever statistics say
set enable_bitmapscan = off
set enable_sort = off
as $$
#variable_conflict use_column
begin
  return query
  select
    t.id, t.scheduled_at, t.created_at, t.started_at, t.finished_at, t.worker_id, t.status, t.priority,
    t.claims, t.attempts, t.max_attempts, t.type, t.payload, t.result, t.error
  from taskq.worker_tasks t
  where (list.status is null or t.status = list.status)
    and (list.type is null or t.type like taskq.type_pattern(list.type))
    and (list.after is null or t.id < list.after)
  order by t.id desc
  limit list.most;
end
$$;
