--- sql/schema.sql documents the schema, so it must be what the migrations make.

local database = require "support.database"
local process = require "support.process"

-- Everything in the schema, a line each; day partitions and their indexes left out, because they
-- depend on the day.
local DESCRIBE = [[
with relation as (
  select c.oid, c.relname, c.relkind, c.reloptions, c.relpartbound
  from pg_class c
  where c.relnamespace = 'taskq'::regnamespace
    and c.relname !~ '_[0-9]{8}(_|$)'
)
select concat_ws(' ', 'relation', relname, relkind, reloptions::text,
  pg_get_expr(relpartbound, oid), pg_get_partkeydef(oid)) as line
from relation
union all
select concat_ws(' ', 'column', relname, attnum, attname, format_type(atttypid, atttypmod),
  attnotnull, pg_get_expr(adbin, adrelid))
from relation
join pg_attribute a on a.attrelid = relation.oid and attnum > 0 and not attisdropped
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where relkind in ('r', 'p')
union all
select concat_ws(' ', 'constraint', relname, conname, pg_get_constraintdef(k.oid))
from relation join pg_constraint k on k.conrelid = relation.oid
union all
select concat_ws(' ', 'index', relname, pg_get_indexdef(oid))
from relation where relkind in ('i', 'I')
union all
select concat_ws(' ', 'sequence', relname, format_type(seqtypid, null), seqstart, seqincrement,
  seqmax, seqmin, seqcache, seqcycle)
from relation join pg_sequence s on s.seqrelid = relation.oid
union all
select concat_ws(' ', 'trigger', relname, pg_get_triggerdef(t.oid))
from relation join pg_trigger t on t.tgrelid = relation.oid
union all
select 'function ' || pg_get_functiondef(p.oid)
from pg_proc p where p.pronamespace = 'taskq'::regnamespace
union all
select concat_ws(' ', 'rights', relname, relacl::text)
from relation join pg_class using (oid, relname) where relacl is not null
union all
select concat_ws(' ', 'rights', relname, attname, attacl::text)
from relation join pg_attribute a on a.attrelid = relation.oid and attacl is not null
union all
select concat_ws(' ', 'rights', p.oid::regprocedure, proacl::text)
from pg_proc p where p.pronamespace = 'taskq'::regnamespace
union all
select concat_ws(' ', 'rights', nspname, nspacl::text)
from pg_namespace where nspname = 'taskq'
union all
select concat_ws(' ', 'label', t.typname, e.enumsortorder, e.enumlabel)
from pg_type t join pg_enum e on e.enumtypid = t.oid
where t.typnamespace = 'taskq'::regnamespace
order by 1]]

local function describe_schema(url)
  local lines = {}
  for _, row in ipairs(database.query(url, DESCRIBE)) do
    lines[#lines + 1] = row.line
  end
  return lines
end

describe("sql/schema.sql", function()
  it("equals the schema that the migrations make", function()
    local documented, migrated = database.empty(), database.fresh()
    local loaded = process.run({
      "psql", "-Xq", "--set", "ON_ERROR_STOP=1", "--file", "sql/schema.sql", documented,
    })
    assert.equal(0, loaded.code, loaded.err)

    local expected, actual = describe_schema(migrated), describe_schema(documented)

    assert.is_true(#expected > 100)
    assert.same(expected, actual)
  end)
end)
