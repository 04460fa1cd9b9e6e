-- breaking: yes
-- The tables that everything else stands on.

create type taskq.task_status as enum ('pending', 'running', 'completed', 'failed', 'cancelled');

create sequence taskq.task_id as bigint cache 64;

-- Until when (milliseconds since the epoch) some worker has promised to look for tasks every 1-2 ms. A
-- sequence, because sequences are not under MVCC: reading one costs 2 us and sees the newest value.
create sequence taskq.awake_until as bigint minvalue 0 start 0;

-- scheduled_at takes the transaction's id first and the clock second, so that a row is never older than
-- its transaction's id: the claim cursors of the workers stand on this.
create table taskq.worker_tasks (
  id           bigint not null default nextval('taskq.task_id'),
  scheduled_at timestamptz not null
               default case when pg_current_xact_id() is not null then clock_timestamp() end,
  created_at   timestamptz not null default now(),
  started_at   timestamptz,
  finished_at  timestamptz,
  worker_id    bigint,
  status       taskq.task_status not null default 'pending',
  priority     smallint not null default 0,
  claims       integer not null default 0,
  attempts     integer not null default 0,
  max_attempts integer,
  type         text not null,
  payload      jsonb not null default '{}',
  result       jsonb,
  error        text,
  constraint worker_tasks_type_is_1_to_200_bytes check (octet_length(type) between 1 and 200),
  constraint worker_tasks_max_attempts_is_1_to_1000 check (max_attempts between 1 and 1000)
) partition by list (status);

-- fillfactor 50 and an index without any column that a claim changes: claims are HOT updates.
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

-- For requeue.sql and locate.sql, and for people.
alter table taskq.worker_tasks_live add constraint worker_tasks_live_has_one_row_an_id primary key (id);

-- For claim.sql, discover.sql, next_due.sql and sweep.sql. It must name no column that a claim changes,
-- not in a predicate either.
create index worker_tasks_live_by_lane
  on taskq.worker_tasks_live (type, priority desc, scheduled_at, id);

create table taskq.worker_tasks_finished
  partition of taskq.worker_tasks
  for values in ('completed', 'failed', 'cancelled')
  partition by list (status);

create table taskq.worker_tasks_completed
  partition of taskq.worker_tasks_finished for values in ('completed') partition by range (finished_at);
create table taskq.worker_tasks_failed
  partition of taskq.worker_tasks_finished for values in ('failed') partition by range (finished_at);
create table taskq.worker_tasks_cancelled
  partition of taskq.worker_tasks_finished for values in ('cancelled') partition by range (finished_at);

-- Finishing never fails for want of a day: the defaults take what has no partition yet.
create table taskq.worker_tasks_completed_default partition of taskq.worker_tasks_completed default;
create table taskq.worker_tasks_failed_default partition of taskq.worker_tasks_failed default;
create table taskq.worker_tasks_cancelled_default partition of taskq.worker_tasks_cancelled default;
create index worker_tasks_completed_default_by_id on taskq.worker_tasks_completed_default (id);
create index worker_tasks_failed_default_by_id on taskq.worker_tasks_failed_default (id);
create index worker_tasks_cancelled_default_by_id on taskq.worker_tasks_cancelled_default (id);

-- One delta row per batch, UTC day, status and type; `stats` sums them and never counts history.
create table taskq.finished_counts (
  day    date not null,
  status taskq.task_status not null,
  type   text not null,
  n      bigint not null
);

-- Unsuccessful attempts, written with their outcome. The plain success of a task writes none.
create table taskq.task_attempts (
  task_id     bigint not null,
  attempt     integer not null,
  claims      integer not null,
  worker_id   bigint,
  type        text not null,
  kind        text not null,
  error       text not null,
  traceback   text,
  started_at  timestamptz,
  finished_at timestamptz not null
) partition by range (finished_at);

create table taskq.task_attempts_default partition of taskq.task_attempts default;

-- For `show`: the attempts of one task.
create index task_attempts_by_task on taskq.task_attempts (task_id, attempt);

-- One row a worker process. A running task whose worker has no row with lease_until in the future is
-- stale, whoever looks.
create table taskq.workers (
  id          bigint not null,
  name        text not null,
  host        text not null,
  pid         integer not null,
  version     text not null,
  types       text[] not null,
  started_at  timestamptz not null default now(),
  lease_until timestamptz not null,
  constraint workers_have_one_row_an_id primary key (id)
);

-- Wakes a sleeping worker. Only when no worker has promised to look (or the promise lies more than 1 s
-- ahead: a clock was set back), because NOTIFY takes a lock that serialises commits.
create function taskq.notify_workers() returns trigger
language plpgsql
as $$
declare
  now_ms   bigint := extract(epoch from clock_timestamp()) * 1000;
  until_ms bigint := (select last_value from taskq.awake_until);
begin
  if until_ms < now_ms or until_ms > now_ms + 1000 then
    if current_setting('taskq.notify', true) is distinct from 'off' then
      perform pg_notify('taskq', '');
    end if;
  end if;
  return null;
end
$$;

create trigger worker_tasks_notify_workers
  after insert on taskq.worker_tasks
  for each statement execute function taskq.notify_workers();
