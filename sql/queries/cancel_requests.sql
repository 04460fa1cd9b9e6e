-- The running tasks that are asked to end, of any worker; there are few. Ends, on the way, the requests
-- that no worker answers any more.
-- Returns id, claims. Called by tq_repository_cancel_requests().
with s as materialized (
  select taskq.settle_cancel_requests()
)
select r.id, r.claims
from s
cross join taskq.cancel_requests r
