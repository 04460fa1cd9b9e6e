-- breaking: no
-- What migrate knows about itself. Not counted as a migration: run before the others, and harmless twice.
do $$
begin
  -- Asked first, because `create schema if not exists` wants the right to create even when it exists.
  if to_regnamespace('taskq') is null then
    create schema taskq;
  end if;

  if to_regclass('taskq.migrations') is null then
    create table taskq.migrations (
      version     integer not null,
      name        text not null,
      is_breaking boolean not null,
      applied_at  timestamptz not null default now(),
      constraint migrations_are_applied_once primary key (version)
    );

    -- One row: which text of the public functions is in place.
    create table taskq.applied_functions (
      text_hash  text not null,
      applied_at timestamptz not null default now()
    );
  end if;
end
$$;
