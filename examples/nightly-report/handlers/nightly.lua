--- "report:nightly": the sales of a day, as a file and a mail. payload: { day = "2026-01-31" }.

local taskq = require "taskq"

local DAY_S = 24 * 3600

local SALES = [[
  select region, count(*) as orders, sum(amount) as amount
  from shop.orders
  where ordered_at >= $1::date and ordered_at < $1::date + 1
  group by region
  order by region
]]

-- Midnight UTC behind a day: when its report is due.
local function end_of(day)
  local year, month, date = day:match("^(%d+)-(%d+)-(%d+)$")
  local noon = os.time { year = year, month = month, day = date, hour = 12 }
  return (noon // DAY_S + 1) * DAY_S
end

local function to_csv(rows)
  local lines = { "region,orders,amount" }
  for _, row in ipairs(rows) do
    lines[#lines + 1] = ("%s,%d,%s"):format(row.region, row.orders, row.amount)
  end
  return table.concat(lines, "\n") .. "\n"
end

return {
  type = "report:nightly",
  timeout = 10 * 60 * 1000,
  payload = { day = "string" },
  handler = function(context)
    local day = context.task.payload.day
    local rows = assert(taskq.query(SALES, day))
    local path = ("reports/%s.csv"):format(day)
    assert(taskq.file.write(path, to_csv(rows)))
    assert(taskq.mail {
      to = "shop@mail.example", subject = "Sales of " .. day, text = to_csv(rows),
    })

    local next_end = end_of(day) + DAY_S
    return context.transaction(function(db)
      db.enqueue {
        type = "report:nightly",
        payload = { day = os.date("!%Y-%m-%d", next_end - DAY_S) },
        scheduled_at = next_end * 1000,
      }
      return { path = path, regions = #rows }
    end)
  end,
}
