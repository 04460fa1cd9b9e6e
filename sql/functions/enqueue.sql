-- Enqueues one task in the caller's transaction and returns its id.
--   type          1 to 200 bytes
--   payload       any JSON; {} when left out
--   priority      -32768 to 32767, higher first; 0 when left out
--   max_attempts  1 to 1000; null: what the handler says, else 3
--   scheduled_at  not before this time; null or a time in the past: now
-- Errors: 22003 (the priority is out of range), 23514 (another value is), 23502 (no type), 22P05 (the payload
-- contains \u0000).
create or replace function taskq.enqueue(
  type         text,
  payload      jsonb default '{}',
  priority     integer default 0,
  max_attempts integer default null,
  scheduled_at timestamptz default null
) returns bigint
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into taskq.worker_tasks (scheduled_at, type, payload, priority, max_attempts)
  select
    greatest($5, case when pg_current_xact_id() is not null then clock_timestamp() end),
    $1,
    coalesce($2, '{}'),
    coalesce($3, 0),
    $4
  returning id
$$;

-- Enqueues every element of a JSON array of objects with the keys type, payload, priority,
-- max_attempts, scheduled_at (as for taskq.enqueue; a null payload stays null), in one statement;
-- returns how many.
-- Errors: those of taskq.enqueue, 22P02 (a value is no number), 22007 and 22008 (or no time), 22023 (no array).
create or replace function taskq.enqueue_many(tasks jsonb) returns bigint
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  with made as (
    insert into taskq.worker_tasks (scheduled_at, type, payload, priority, max_attempts)
    select
      greatest(
        (t.task ->> 'scheduled_at')::timestamptz,
        case when pg_current_xact_id() is not null then clock_timestamp() end
      ),
      t.task ->> 'type',
      coalesce(t.task -> 'payload', '{}'),
      coalesce((t.task ->> 'priority')::integer, 0),
      (t.task ->> 'max_attempts')::integer
    from jsonb_array_elements($1) t(task)
    returning 1
  )
  select count(*) from made
$$;
