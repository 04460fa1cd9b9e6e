-- One task and its attempts.
--   $1 bigint id, $2 bool as_json
-- Returns no row when there is no such task. When $2, one row: 0, null, a JSON object as taskq.show()
-- makes it. Else a row a field that is not null: 0 for the task or n for its n-th attempt that did not
-- succeed, key, value. Called by tq_reader_show().
with s as materialized (
  select taskq.show($1::bigint) as document
)
select x.part, x.key, x.value
from (
  select 0 as part, 0::bigint as place, null as key, s.document::text as value
  from s
  where $2::bool
  union all
  select 0, f.place, f.key, f.value
  from s
  cross join lateral json_each_text(s.document) with ordinality f(key, value, place)
  where not $2::bool
    and f.key <> 'task_attempts'
  union all
  select a.n::int, f.place, f.key, f.value
  from s
  cross join lateral json_array_elements(s.document -> 'task_attempts') with ordinality a(attempt, n)
  cross join lateral json_each_text(a.attempt) with ordinality f(key, value, place)
  where not $2::bool
) x
where x.value is not null
order by x.part, x.place
