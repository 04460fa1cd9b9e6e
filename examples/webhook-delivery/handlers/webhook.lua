--- "webhook:deliver": tells a partner what happened. payload: { url, event, data }.

local taskq = require "taskq"

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10,
  Nov = 11, Dec = 12,
}
local LONGEST_MS = 24 * 3600 * 1000

-- "Wed, 21 Oct 2026 07:28:00 GMT" in milliseconds since the epoch, or nil.
local function parse_date(text)
  local day, month, year, hour, min, sec = text:match("(%d+) (%a+) (%d+) (%d+):(%d+):(%d+) GMT$")
  if not MONTHS[month] then
    return nil
  end
  -- Days since 1970-03-01 by counting March as the first month.
  local y, m = math.tointeger(year), MONTHS[month]
  if m <= 2 then
    y, m = y - 1, m + 12
  end
  local days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5 + day - 719469
  return (((days * 24 + hour) * 60 + min) * 60 + sec) * 1000
end

-- What Retry-After asks for, in milliseconds from now, or nil when it says nothing.
local function wait_of(response)
  local text = response.headers["retry-after"]
  if not text then
    return nil
  end
  local seconds, date = tonumber(text), parse_date(text)
  local ms = seconds and seconds * 1000 or date and date - taskq.now()
  return ms and math.min(math.max(ms, 0), LONGEST_MS)
end

local function is_worth_repeating(status)
  return status >= 500 or status == 408 or status == 425 or status == 429
end

return {
  type = "webhook:deliver",
  timeout = 30000,
  max_attempts = 12,
  payload = { url = "string", event = "string", data = "any" },
  max_age = 3 * 24 * 3600 * 1000,
  handler = function(context)
    local task = context.task
    local response, message = taskq.http.post(task.payload.url, {
      headers = { ["Idempotency-Key"] = tostring(task.id) },
      json = { event = task.payload.event, data = task.payload.data },
      timeout = 10000, max_redirects = 0,
    })
    if not response then
      return { success = false, error = message }
    elseif response.status < 300 then
      return { status = response.status, attempts = task.attempt }
    end
    return {
      success = false, error = "HTTP " .. response.status,
      retry_after = wait_of(response), discard = not is_worth_repeating(response.status),
    }
  end,
}
