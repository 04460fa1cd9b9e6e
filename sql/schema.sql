-- The schema of taskq as it is after all migrations, to be read from top to bottom. The program never
-- runs this file; a spec loads it with psql and compares the result with that of `taskq migrate`.
--
--   worker_tasks                   every task; partition by list (status)
--     worker_tasks_live            pending, running: what workers claim from
--     worker_tasks_finished        completed, failed, cancelled
--       worker_tasks_completed     one of each status; partition by range (finished_at)
--         ..._20261124             one a UTC day, made ahead by make_days()
--         ..._20261124_...         pieces of a day that settle_days() made afterwards
--         ..._default              rows of days that have no partition
--   task_attempts                  attempts that did not succeed, or said something while they ran;
--                                  partition by range (finished_at)
--   task_progress                  how far running tasks are
--   finished_counts                what stats() adds up
--   workers                        one row a worker process, with its lease
--   cancel_requests                which running tasks are to end
--   task_id                        a sequence, as are awake_until, heard_until and followed_until
--   migrations, applied_functions  the books of `taskq migrate`

create schema taskq;

-- ---------------------------------------------------------------------------------------- tasks

create type taskq.task_status as enum ('pending', 'running', 'completed', 'failed', 'cancelled');

-- Cached by 64 a session: ids grow, but not in the order of time, and with gaps.
create sequence taskq.task_id as bigint cache 64;

create table taskq.worker_tasks (
  id           bigint not null default nextval('taskq.task_id'), -- never chosen by producers

  -- When it is due. The transaction's id first and the clock second, so that a row is never older than
  -- its transaction's id: the claim cursors of the workers stand on this.
  scheduled_at timestamptz not null
               default case when pg_current_xact_id() is not null then clock_timestamp() end,
  created_at   timestamptz not null default now(),
  started_at   timestamptz,                         -- of the last claim
  finished_at  timestamptz,                         -- of finished tasks; never null there
  worker_id    bigint,                              -- of the last claim; see workers
  status       taskq.task_status not null default 'pending',
  priority     smallint not null default 0,         -- higher first
  claims       integer not null default 0,          -- the fence: grows with each claim, never falls
  attempts     integer not null default 0,          -- used up; a shutdown gives its attempts back
  max_attempts integer,                             -- null: what the handler says, else 3; kept once used up
  type         text not null,                       -- names the handler
  payload      jsonb not null default '{}',
  result       jsonb,                               -- of completed tasks, as the handler returned it
  error        text,                                -- the last one
  constraint worker_tasks_type_is_1_to_200_bytes check (octet_length(type) between 1 and 200),
  constraint worker_tasks_max_attempts_is_1_to_1000 check (max_attempts between 1 and 1000),
  -- Of the jsonb as it is stored: asking for that costs 0.1 us a row, the length of the text ten times that.
  constraint worker_tasks_payload_is_at_most_1_mib check (pg_column_size(payload) <= 1048576)
) partition by list (status);

-- A claim changes status, claims, attempts, started_at and worker_id: none of them is in an index, in a
-- predicate either, and half of each page is free, so claims are HOT updates that write no index.
-- Truncating the file would need a lock that stops the workers.
create table taskq.worker_tasks_live
  partition of taskq.worker_tasks
  for values in ('pending', 'running')
  with (
    fillfactor = 50,
    vacuum_truncate = off,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 100000,
    autovacuum_vacuum_cost_delay = 0
  );

-- For locate.sql, and for people.
alter table taskq.worker_tasks_live add constraint worker_tasks_live_has_one_row_an_id primary key (id);

-- For claim.sql, discover.sql, next_due.sql, sweep.sql and remaining.sql: a lane is a (type, priority),
-- and a claim goes on where the last one of its lane ended.
create index worker_tasks_live_by_lane
  on taskq.worker_tasks_live (type, priority desc, scheduled_at, id);

-- ------------------------------------------------------------------------------------- finished

-- History goes by dropping whole days, each status at its own age.
create table taskq.worker_tasks_finished
  partition of taskq.worker_tasks (
    constraint worker_tasks_finished_at_some_time check (finished_at is not null)
  )
  for values in ('completed', 'failed', 'cancelled')
  partition by list (status);

create table taskq.worker_tasks_completed
  partition of taskq.worker_tasks_finished for values in ('completed') partition by range (finished_at);
create table taskq.worker_tasks_failed
  partition of taskq.worker_tasks_finished for values in ('failed') partition by range (finished_at);
create table taskq.worker_tasks_cancelled
  partition of taskq.worker_tasks_finished for values in ('cancelled') partition by range (finished_at);

-- Finishing never fails for want of a day. For task.sql: the indexes; a day's is made with the day.
create table taskq.worker_tasks_completed_default partition of taskq.worker_tasks_completed default;
create table taskq.worker_tasks_failed_default partition of taskq.worker_tasks_failed default;
create table taskq.worker_tasks_cancelled_default partition of taskq.worker_tasks_cancelled default;
create index worker_tasks_completed_default_by_id on taskq.worker_tasks_completed_default (id);
create index worker_tasks_failed_default_by_id on taskq.worker_tasks_failed_default (id);
create index worker_tasks_cancelled_default_by_id on taskq.worker_tasks_cancelled_default (id);

-- For make_days(), settle_days() and cleanup(); the one of attempts too.
create index worker_tasks_completed_default_by_time
  on taskq.worker_tasks_completed_default (finished_at);
create index worker_tasks_failed_default_by_time
  on taskq.worker_tasks_failed_default (finished_at);
create index worker_tasks_cancelled_default_by_time
  on taskq.worker_tasks_cancelled_default (finished_at);

-- Delta rows, one a batch, UTC day, status and type.
create table taskq.finished_counts (
  day    date not null,
  status taskq.task_status not null,
  type   text not null,
  n      bigint not null
);

-- Attempts that did not succeed, and those that logged something or told their progress; written with
-- their outcome. The plain success of a quiet task writes none.
create table taskq.task_attempts (
  task_id     bigint not null,
  attempt     integer not null,
  claims      integer not null,
  worker_id   bigint,
  type        text not null,
  kind        text not null, -- error, timeout, memory, ...; of quieter ends success, snoozed, interrupted
  error       text,
  traceback   text,
  started_at  timestamptz,
  finished_at timestamptz not null,
  worker_name text,          -- its row in workers goes; null: it had gone already
  log         jsonb,         -- the last lines: [{"time", "level", "message", fields}, ...]
  log_dropped integer,       -- how many there were before these
  progress    jsonb          -- the last one: {"fraction", "message"}
) partition by range (finished_at);

create table taskq.task_attempts_default partition of taskq.task_attempts default;
create index task_attempts_default_by_time on taskq.task_attempts_default (finished_at);

-- For looking at one task.
create index task_attempts_by_task on taskq.task_attempts (task_id, attempt);

-- -------------------------------------------------------------------------------------- workers

-- A running task whose worker has no row with lease_until in the future is stale, whoever looks.
create table taskq.workers (
  id          bigint not null, -- random; a process takes a new one when it has lost its lease
  name        text not null,
  host        text not null,
  pid         integer not null,
  version     text not null,
  types       text[] not null, -- that it has handlers for
  started_at  timestamptz not null default now(),
  lease_until timestamptz not null,
  handlers_generation integer not null default 1, -- how often its handlers were loaded
  handlers_loaded_at  timestamptz not null default now(),
  handlers_error      text, -- why those that lie there now are not loaded; null: they are
  constraint workers_have_one_row_an_id primary key (id)
);

-- Asks whoever runs a claim to end it: see cancel.sql. Goes when the task has finished.
create table taskq.cancel_requests (
  id           bigint not null,
  claims       integer not null,
  requested_at timestamptz not null default now(),
  constraint cancel_requests_are_made_once_a_claim primary key (id, claims)
);

-- How far the handler of a running task says it is. Written once a second at most; goes with the outcome.
create table taskq.task_progress (
  id         bigint not null,
  claims     integer not null,
  progress   jsonb not null, -- {"fraction", "message"}
  updated_at timestamptz not null default now(),
  constraint task_progress_is_one_a_claim primary key (id, claims)
);

-- Until when (milliseconds since the epoch) some worker has promised to look for tasks every 1-2 ms. A
-- sequence, because sequences are not under MVCC: reading one costs 2 us and sees the newest value.
create sequence taskq.awake_until as bigint minvalue 0 start 0;

-- Until when (milliseconds since the epoch) somebody wants to know of each new task: a worker with a
-- listener for worker-task:created, or `taskq events --follow`.
create sequence taskq.heard_until as bigint minvalue 0 start 0;

-- Until when somebody follows the events of the whole fleet; workers look at each renewal.
create sequence taskq.followed_until as bigint minvalue 0 start 0;

-- Wakes a sleeping worker. Only when no worker has promised to look (or the promise lies more than 1 s
-- ahead: a clock was set back), because NOTIFY takes a lock that serialises commits. Tells which tasks
-- were made, only while somebody hears. Two-phase commit refuses NOTIFY: `set taskq.notify = off`.
-- Both sequences in one query: reading the second one costs nothing that could be measured.
create function taskq.notify_workers() returns trigger
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

create trigger worker_tasks_notify_workers
  after insert on taskq.worker_tasks
  for each statement execute function taskq.notify_workers();

-- ------------------------------------------------------------------------------------ migrations

create table taskq.migrations (
  version     integer not null,
  name        text not null,
  is_breaking boolean not null, -- programs that do not know it must not touch the schema
  applied_at  timestamptz not null default now(),
  constraint migrations_are_applied_once primary key (version)
);

-- One row: which text of the public functions is in place.
create table taskq.applied_functions (
  text_hash  text not null,
  applied_at timestamptz not null default now()
);

-- ------------------------------------------------------------------------------------- functions

-- The public interface of producers, and of people.
\ir functions/enqueue.sql
\ir functions/stats.sql
\ir functions/unhandled_types.sql
\ir functions/type_pattern.sql
\ir functions/list.sql
\ir functions/show.sql
\ir functions/cancel.sql
\ir functions/retry.sql
\ir functions/retry_many.sql
\ir functions/cleanup.sql
\ir functions/follow.sql

-- For workers.
\ir functions/make_days.sql
\ir functions/settle_days.sql
\ir functions/settle_cancel_requests.sql
\ir functions/compact_counts.sql

-- For the trigger.
\ir functions/notify_created.sql

-- For migrate; who may do what.
\ir functions/grant_roles.sql
select taskq.grant_roles();
