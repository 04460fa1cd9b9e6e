-- Makes the day partitions of today and the days ahead. Called by tq_repository_make_days().
select taskq.make_days()
