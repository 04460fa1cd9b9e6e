-- Claims up to $1 tasks from the given lanes, in the order of the lanes, each lane by (scheduled_at, id).
--   $1 int limit, $2 text[] types, $3 smallint[] priorities, $4 timestamptz[] and $5 bigint[] cursors
--   (rows after them are looked at), $6 bigint worker
-- Returns the claimed rows in no order, then one row whose id is null: the statement's snapshot, its
-- clock, its transaction id if it wrote, and how many rows it locked: a row that was updated after the
-- snapshot is locked in its new version, which the update does not see (the sweep will).
-- Locks: the claimed rows; rows that others hold are skipped. Index: worker_tasks_live_by_lane.
-- Called by tq_repository_claim().
with c as materialized (
  select x.ctid
  from unnest($2::text[], $3::smallint[], $4::timestamptz[], $5::bigint[]) l(type, priority, at, id)
  cross join lateral (
    select t.ctid
    from taskq.worker_tasks_live t
    where t.type = l.type
      and t.priority = l.priority
      and t.status = 'pending'
      and (t.scheduled_at, t.id) > (l.at, l.id)
      and t.scheduled_at <= now()
    order by t.scheduled_at, t.id
    limit $1::int
    for update skip locked
  ) x
  limit $1::int
),
u as (
  update taskq.worker_tasks_live t
  set
    status = 'running',
    claims = claims + 1,
    attempts = attempts + 1,
    started_at = now(),
    worker_id = $6::bigint
  where t.ctid = any(array(select ctid from c))
  returning
    t.id, t.ctid, t.type, t.priority, t.scheduled_at, t.created_at, t.claims, t.attempts,
    t.max_attempts, t.payload
)
select
  id, ctid, type, priority, scheduled_at, created_at, claims, attempts, max_attempts, payload,
  null::text as snapshot, null::timestamptz as clock, null::bigint as xid,
  null::bigint as locked
from u
union all
select
  null, null, null, null, null, null, null, null, null, null,
  pg_current_snapshot()::text, now(), pg_current_xact_id_if_assigned()::text::bigint,
  (select count(*) from c)
