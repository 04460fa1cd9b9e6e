-- Which outcomes were written though the answer was lost: what ended under the fence of our own claim.
--   $1 bigint[] ids, $2 int[] claims, $3 bigint[] workers (whose claim it was)
--   $4 text[] kinds of the failed attempts; null: the task was completed
-- Returns the ids. Looks no further back than a day. Index: by_id of the completed days that may be meant,
-- task_attempts_by_task. Called by tq_repository_written().
select r.id
from unnest($1::bigint[], $2::int[], $3::bigint[], $4::text[]) r(id, claims, worker_id, kind)
where exists (
    select 1
    from taskq.worker_tasks_finished f
    where r.kind is null
      and f.id = r.id
      and f.claims = r.claims
      and f.worker_id = r.worker_id
      and f.status = 'completed'
      and f.finished_at > now() - interval '1 day'
      and f.finished_at <= now()
  )
  or exists (
    select 1
    from taskq.task_attempts a
    where a.task_id = r.id
      and a.claims = r.claims
      and a.worker_id = r.worker_id
      and a.kind = r.kind
      and a.finished_at > now() - interval '1 day'
      and a.finished_at <= now()
  )
