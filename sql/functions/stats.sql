-- The six numbers: tasks by status, and their total. Pending and running are counted on the live
-- partition; the others are sums of taskq.finished_counts, never a count over history.
create or replace function taskq.stats(
  out pending bigint, out running bigint, out completed bigint, out failed bigint,
  out cancelled bigint, out total bigint
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with live as (
    select
      count(*) filter (where status = 'pending') as pending,
      count(*) filter (where status = 'running') as running
    from taskq.worker_tasks_live
  ),
  finished as (
    select
      coalesce(sum(n) filter (where status = 'completed'), 0)::bigint as completed,
      coalesce(sum(n) filter (where status = 'failed'), 0)::bigint as failed,
      coalesce(sum(n) filter (where status = 'cancelled'), 0)::bigint as cancelled
    from taskq.finished_counts
  )
  select
    l.pending, l.running, f.completed, f.failed, f.cancelled,
    l.pending + l.running + f.completed + f.failed + f.cancelled
  from live l cross join finished f
$$;
