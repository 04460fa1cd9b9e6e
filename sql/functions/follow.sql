-- Asks for the events of the whole fleet, for 15 s: every live worker sends them to the channel
-- taskq_events, and inserts send the ids of new tasks to taskq_created. Listen to both first, and call it
-- every few seconds.
create or replace function taskq.follow() returns void
language sql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    setval('taskq.followed_until', t.ms + 15000),
    setval('taskq.heard_until', t.ms + 30000),
    pg_notify('taskq_follow', '')
  from (select (extract(epoch from clock_timestamp()) * 1000)::bigint) t(ms)
$$;
