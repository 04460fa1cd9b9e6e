-- breaking: no
-- Inserts tell which tasks they have made, while somebody hears.

-- Until when (milliseconds since the epoch) somebody wants to know; see awake_until for why a sequence.
create sequence taskq.heard_until as bigint minvalue 0 start 0;

-- Until when somebody follows the events of the whole fleet; workers look at each renewal.
create sequence taskq.followed_until as bigint minvalue 0 start 0;

-- Both sequences in one query: reading the second one costs nothing that could be measured.
create or replace function taskq.notify_workers() returns trigger
language plpgsql
as $$
declare
  now_ms   bigint := extract(epoch from clock_timestamp()) * 1000;
  awake_ms bigint;
  heard_ms bigint;
begin
  select a.last_value, h.last_value
  into awake_ms, heard_ms
  from taskq.awake_until a, taskq.heard_until h;
  if awake_ms < now_ms or awake_ms > now_ms + 1000 then
    if current_setting('taskq.notify', true) is distinct from 'off' then
      perform pg_notify('taskq', '');
    end if;
  end if;
  if heard_ms > now_ms and heard_ms < now_ms + 60000 then
    if current_setting('taskq.notify', true) is distinct from 'off' then
      perform taskq.notify_created();
    end if;
  end if;
  return null;
end
$$;
