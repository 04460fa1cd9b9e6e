-- One task and its attempts.
--   $1 bigint id, $2 bool as_json
-- Returns no row when there is no such task. When $2, one row: 0, null, a JSON object as taskq.show()
-- makes it. Else a row a field that is not null: 0 for the task or n for its n-th attempt that is kept,
-- key, value; progress and log lines as people read them. Called by tq_reader_show().
with s as materialized (
  select taskq.show($1::bigint) as document
),
x as (
  select 0 as part, 0::bigint as place, null as key, s.document as field, s.document::text as value
  from s
  where $2::bool
  union all
  select 0, f.place, f.key, f.value, f.value #>> '{}'
  from s
  cross join lateral json_each(s.document) with ordinality f(key, value, place)
  where not $2::bool
    and f.key <> 'task_attempts'
  union all
  select a.n::int, f.place, f.key, f.value, f.value #>> '{}'
  from s
  cross join lateral json_array_elements(s.document -> 'task_attempts') with ordinality a(attempt, n)
  cross join lateral json_each(a.attempt) with ordinality f(key, value, place)
  where not $2::bool
)
select
  x.part, x.key,
  case x.key
    when 'progress' then concat_ws(
      ' ', round((x.field ->> 'fraction')::numeric * 100) || '%', x.field ->> 'message')
    when 'log' then (
      select string_agg(
        concat_ws(' ', l.line ->> 'time', l.line ->> 'level', l.line ->> 'message', (
          select string_agg(f.key || '=' || f.value, ' ')
          from json_each_text(l.line) f
          where f.key not in ('time', 'level', 'message')
        )),
        e'\n' order by l.n
      )
      from json_array_elements(x.field) with ordinality l(line, n)
    )
    else x.value
  end as value
from x
where x.value is not null
order by x.part, x.place
