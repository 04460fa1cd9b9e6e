-- Ends a worker that holds no task any more.
--   $1 bigint id
-- Called by tq_repository_sign_off().
delete from taskq.workers where id = $1::bigint
