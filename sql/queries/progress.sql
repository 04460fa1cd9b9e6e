-- Notes how far running tasks are, for people to see. Whose claim is over is left out; of one that is
-- there twice the last one counts.
--   $1 bigint[] ids, $2 int[] claims, $3 jsonb[] {"fraction", "message"}
-- Goes with the outcome; what an outcome has missed is removed here after an hour. Locks: the rows of
-- task_progress. Scalar subqueries, because nothing makes a join of them. Called by tq_repository_progress().
with r as materialized (
  select distinct on (id, claims) id, claims, progress
  from unnest($1::bigint[], $2::int[], $3::jsonb[]) with ordinality r(id, claims, progress, n)
  order by id, claims, n desc
),
forgotten as (
  delete from taskq.task_progress p
  where p.updated_at < now() - interval '1 hour'
    and (
      select t.claims
      from taskq.worker_tasks_live t
      where t.id = p.id
        and t.status = 'running'
    ) is distinct from p.claims
)
insert into taskq.task_progress as p (id, claims, progress)
select r.id, r.claims, r.progress
from r
where r.claims = (
  select t.claims
  from taskq.worker_tasks_live t
  where t.id = r.id
    and t.status = 'running'
)
on conflict (id, claims) do update set
  progress = excluded.progress,
  updated_at = now()
