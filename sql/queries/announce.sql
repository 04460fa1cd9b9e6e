-- What a worker's handlers are since they were reloaded.
--   $1 bigint worker_id, $2 text[] types
-- Called by tq_repository_announce().
update taskq.workers set types = $2::text[] where id = $1::bigint
