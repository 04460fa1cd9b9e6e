-- Renews a lease that has not run out.
--   $1 bigint id, $2 bigint lease_us
-- Returns one row when renewed, none when the lease is lost. Called by tq_repository_renew().
update taskq.workers
set lease_until = clock_timestamp() + $2::bigint * interval '1 microsecond'
where id = $1::bigint
  and lease_until > clock_timestamp()
returning 1
