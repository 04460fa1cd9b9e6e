-- Where tasks of this worker are now, for a batch whose places did not match or were locked.
--   $1 bigint[] ids, $2 int[] claims, $3 bigint[] workers
-- Returns id, ctid, is_locked (by somebody else); a task that is not returned is lost to the worker.
-- Locks: none that outlive the statement. Index: worker_tasks_live_has_one_row_an_id.
-- Called by tq_repository_locate().
select t.id, t.ctid, x.id is null as is_locked
from unnest($1::bigint[], $2::int[], $3::bigint[]) r(id, claims, worker_id)
cross join lateral (
  select l.id, l.ctid, l.claims, l.worker_id from taskq.worker_tasks_live l where l.id = r.id limit 1
) t
left join lateral (
  select l.id from taskq.worker_tasks_live l where l.id = t.id for update skip locked
) x on true
where t.claims = r.claims
  and t.worker_id = r.worker_id
