-- Calls out to this worker's own claim connection, to hear whether notifications arrive there.
--   $1 text payload
-- Called by tq_repository_echo().
select pg_notify('taskq', $1::text)
