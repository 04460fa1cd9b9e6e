-- breaking: no
-- A place where running tasks are asked to end; workers that do not know it finish them as before.

-- A request is about one claim, as every write about a running task is: see taskq.cancel.
create table taskq.cancel_requests (
  id           bigint not null,
  claims       integer not null,
  requested_at timestamptz not null default now(),
  constraint cancel_requests_are_made_once_a_claim primary key (id, claims)
);
