-- Sends texts of events to those who follow the fleet; see taskq.follow().
--   $1 text[] texts, each shorter than 8000 bytes
-- Called by tq_repository_publish().
select count(pg_notify('taskq_events', t.text))
from unnest($1::text[]) t(text)
