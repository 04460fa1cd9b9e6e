-- What became of a transaction whose COMMIT was not answered; ends its backend if that still runs, so
-- that the answer is final the next time.
--   $1 xid8 transaction, which also tells its backend: the pid that a pooler names is none
-- Returns 'committed', 'aborted' or 'in progress'; null for one that is too old to be known.
-- Called by transaction.c.
select
  s.status,
  case when s.status = 'in progress' then (
    select pg_terminate_backend(a.pid)
    from pg_stat_activity a
    where a.backend_xid = $1::xid8::xid
  ) end as is_ended
from (select pg_xact_status($1::xid8) as status) s
