-- Live workers whose handlers have changed and do not load: they go on with the ones before.
--   $1 int most
-- Returns name, error, and the facts as a JSON object.
-- Called by tq_reader_failed_reloads().
select
  w.name,
  w.handlers_error,
  json_build_object(
    'worker', w.name,
    'host', w.host,
    'generation', w.handlers_generation,
    'loaded_at', w.handlers_loaded_at,
    'error', w.handlers_error
  )::text
from taskq.workers w
where w.handlers_error is not null
  and w.lease_until > clock_timestamp()
order by w.name, w.id
limit $1::int
