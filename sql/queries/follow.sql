-- Asks for the events of the whole fleet, for 15 s. Called by tq_follower_run().
select taskq.follow()
