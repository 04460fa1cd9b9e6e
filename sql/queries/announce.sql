-- What a worker's handlers are since they were reloaded, or why they were not.
--   $1 bigint worker_id, $2 text[] types, $3 int generation, $4 bigint microseconds since it was loaded,
--   $5 text error, or null
-- Called by tq_repository_announce().
update taskq.workers
set types = $2::text[],
  handlers_generation = $3::int,
  handlers_loaded_at = clock_timestamp() - $4::bigint * interval '1 microsecond',
  handlers_error = $5::text
where id = $1::bigint
