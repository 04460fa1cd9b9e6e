-- A new worker row, with its first lease. The others are told, as they may have to wake us.
--   $1 bigint id, $2 text name, $3 text host, $4 int pid, $5 text version, $6 text[] types,
--   $7 bigint lease_us
-- Returns how the server can be told from another one: start time and timeline, as text; and for how many
-- more milliseconds somebody follows the events of the fleet (0 or less: nobody does).
-- Called by tq_repository_register().
with w as (
  insert into taskq.workers (id, name, host, pid, version, types, lease_until)
  values (
    $1::bigint, $2::text, $3::text, $4::int, $5::text, $6::text[],
    clock_timestamp() + $7::bigint * interval '1 microsecond'
  )
  returning 1
)
select
  pg_postmaster_start_time()::text || ' ' || (pg_control_checkpoint()).timeline_id::text as server,
  (
    select f.last_value - (extract(epoch from clock_timestamp()) * 1000)::bigint
    from taskq.followed_until f
  ) as followed_ms,
  pg_notify('taskq', $1::bigint::text)
from w
