-- breaking: no
-- What handlers say while they run. Programs that do not know of it leave the new columns null.

alter table taskq.task_attempts
  add column log         jsonb,
  add column log_dropped integer,
  add column progress    jsonb,
  alter column error drop not null; -- attempts that succeeded, and said something, are kept too

create table taskq.task_progress (
  id         bigint not null,
  claims     integer not null,
  progress   jsonb not null,
  updated_at timestamptz not null default now(),
  constraint task_progress_is_one_a_claim primary key (id, claims)
);
