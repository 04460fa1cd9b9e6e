-- The pattern for LIKE that a glob of types stands for: `*` is any run of characters, everything else
-- itself.
create or replace function taskq.type_pattern(glob text) returns text
language sql immutable strict parallel safe
as $$
  select replace(replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%')
$$;
