-- The six numbers. Called by tq_producer_stats().
select pending, running, completed, failed, cancelled, total from taskq.stats()
