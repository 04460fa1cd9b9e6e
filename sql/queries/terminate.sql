-- Ends sessions that handlers of a lost thread had: nobody waits for their statements any more.
--   $1 int[] processes
-- Only sessions of this user in this database: a pooler makes up the numbers of processes.
-- Returns one row: how many. Called by tq_repository_terminate().
select count(pg_terminate_backend(a.pid))
from pg_stat_activity a
where a.pid = any($1::int[])
  and a.usename = session_user
  and a.datname = current_database()
