-- Renews a lease that has not run out, and looks at the other workers' leases.
--   $1 bigint id, $2 bigint lease_us
-- Returns one row when renewed, none when the lease is lost: whether some other worker's lease ran out
-- within the last three leases, and the microseconds until the next one would (null: no other worker).
-- Called by tq_repository_renew().
update taskq.workers w
set lease_until = clock_timestamp() + $2::bigint * interval '1 microsecond'
where w.id = $1::bigint
  and w.lease_until > clock_timestamp()
returning
  exists (
    select 1
    from taskq.workers o
    where o.id <> w.id
      and o.lease_until <= clock_timestamp()
      and o.lease_until > clock_timestamp() - 3 * $2::bigint * interval '1 microsecond'
  ) as has_expired,
  (
    select (extract(epoch from min(o.lease_until) - clock_timestamp()) * 1000000)::bigint
    from taskq.workers o
    where o.id <> w.id
      and o.lease_until > clock_timestamp()
  ) as next_expiry_us
