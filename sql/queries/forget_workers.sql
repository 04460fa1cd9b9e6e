-- Removes the rows of workers whose lease ran out an hour ago: their tasks were rescued long since.
-- Called by tq_repository_forget_workers().
delete from taskq.workers where lease_until < clock_timestamp() - interval '1 hour'
