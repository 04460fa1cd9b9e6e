-- Tasks that were created lately, which may have been claimed meanwhile, or have finished.
--   $1 bigint[] ids
-- Returns id, type, payload, priority, attempts, max_attempts, claims, scheduled_at, created_at.
-- A task may finish between the beginning of the statement, which is now(), and its snapshot.
-- Index: the primary key of the live partition, by_id of the finished days that may be meant.
-- Called by tq_repository_created().
with i as materialized (
  select id
  from unnest($1::bigint[]) i(id)
)
select
  t.id, t.type, t.payload, t.priority, t.attempts, t.max_attempts, t.claims, t.scheduled_at, t.created_at
from i
join taskq.worker_tasks_live t on t.id = i.id
union all
select
  f.id, f.type, f.payload, f.priority, f.attempts, f.max_attempts, f.claims, f.scheduled_at, f.created_at
from i
join taskq.worker_tasks_finished f on f.id = i.id
where f.finished_at > now() - interval '1 minute'
  and f.finished_at < now() + interval '1 minute'
