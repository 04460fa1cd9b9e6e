-- Renews the leases of this process that have not run out, and looks at those of others.
--   $1 bigint[] ids (the current worker row, and perhaps the one before it), $2 bigint lease_us
-- Returns a row for each id that was renewed (one that is missing is lost): the id, how this server can
-- be told from another one, whether some other worker's lease ran out within the last three leases,
-- the microseconds until the next one would (null: no other worker), and followed_ms as register.sql
-- returns it.
-- Called by tq_repository_renew().
update taskq.workers w
set lease_until = clock_timestamp() + $2::bigint * interval '1 microsecond'
where w.id = any($1::bigint[])
  and w.lease_until > clock_timestamp()
returning
  w.id,
  pg_postmaster_start_time()::text || ' ' || (pg_control_checkpoint()).timeline_id::text as server,
  exists (
    select 1
    from taskq.workers o
    where o.id <> all($1::bigint[])
      and o.lease_until <= clock_timestamp()
      and o.lease_until > clock_timestamp() - 3 * $2::bigint * interval '1 microsecond'
  ) as has_expired,
  (
    select (extract(epoch from min(o.lease_until) - clock_timestamp()) * 1000000)::bigint
    from taskq.workers o
    where o.id <> all($1::bigint[])
      and o.lease_until > clock_timestamp()
  ) as next_expiry_us,
  (
    select f.last_value - (extract(epoch from clock_timestamp()) * 1000)::bigint
    from taskq.followed_until f
  ) as followed_ms
