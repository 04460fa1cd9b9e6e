--- "import:customers": reads a CSV file of id,name into shop.customers. payload: { file, batch? }.

local taskq = require "taskq"

local DEFAULT_BATCH = 100

local PLACE = "select place, rows from shop.imports where task_id = $1"

-- The rows, and the place behind them, together or not at all.
local ADD = [[
  with added as (
    insert into shop.customers (id, name)
    select (c ->> 'id')::bigint, c ->> 'name' from jsonb_array_elements($4::jsonb) c
  )
  insert into shop.imports (task_id, place, rows) values ($1, $2, $3)
  on conflict (task_id) do update set place = excluded.place, rows = excluded.rows
]]

local function read_batch(file, size)
  local rows = {}
  while #rows < size do
    local line = file:read("l")
    if not line then
      break
    end
    local id, name = line:match("^(%d+),(.+)$")
    if not id then
      error("this is no customer: " .. line, 0)
    end
    rows[#rows + 1] = { id = math.tointeger(id), name = name }
  end
  return rows
end

return {
  type = "import:customers",
  payload = { file = "string", batch = "integer?" },
  timeout = 6 * 3600 * 1000,
  handler = function(context)
    local task = context.task
    local size = task.payload.batch or DEFAULT_BATCH
    local file <close> = assert(io.open(task.payload.file))
    local length = file:seek("end")
    local at = assert(taskq.query(PLACE, task.id))[1] or { place = 0, rows = 0 }
    file:seek("set", at.place)

    local count = at.rows
    while true do
      local rows = read_batch(file, size)
      if #rows == 0 then
        return { rows = count }
      end
      count = count + #rows
      assert(taskq.query(ADD, task.id, file:seek(), count, rows))
      context.progress(file:seek() / length, ("%d rows"):format(count))
      if context.is_shutting_down() then
        return { success = false, snooze = 0 }
      end
    end
  end,
}
