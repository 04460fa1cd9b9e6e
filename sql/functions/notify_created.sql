-- Tells whoever listens to events which tasks the statement has made that just ended: one notification
-- with at most 100 ids. The trigger calls it while somebody hears. With the rights of its owner, because
-- producers may not read tasks.
--
-- No transition table: capturing the rows of every statement costs bulk inserts a quarter and single ones
-- half again, whether somebody hears or not. A session's ids grow, so the statement's rows lie above
-- the last id that this session has told, and those of this transaction are told by the time that it
-- began (two that began in the same microsecond may both tell a task). Beyond 10000 ids nothing is told.
create or replace function taskq.notify_created() returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off -- by the index on id, whatever statistics say
as $$
declare
  last_id bigint;
  told_id bigint := nullif(current_setting('taskq.told_id', true), '')::bigint;
  ids     text;
begin
  begin
    last_id := currval('taskq.task_id');
  exception
    when object_not_in_prerequisite_state then return; -- the statement has made none
  end;

  ids := (
    select string_agg(x.id::text, ',' order by x.id)
    from (
      select t.id
      from taskq.worker_tasks_live t
      where t.id > greatest(told_id, last_id - 10000)
        and t.id <= last_id
        and t.created_at = now()
      order by t.id
      limit 100
    ) x
  );
  if ids is not null then
    perform pg_notify('taskq_created', ids);
  end if;
  perform set_config('taskq.told_id', last_id::text, false);
end
$$;
