-- breaking: no
-- What a worker's handlers are, and what is wrong with them. Programs that do not know of it leave the defaults.

alter table taskq.workers
  add column handlers_generation integer not null default 1,
  add column handlers_loaded_at  timestamptz not null default now(),
  add column handlers_error      text;
