--- "catalog:sync": enqueues one "product:fetch" for each product of an API. payload: { url }.
--- "product:fetch": reads one product. payload: { url }.

local taskq = require "taskq"
local pace = require "pace"

local PER_SECOND = 50
local SNOOZE_MS = 1000

local function host_of(url)
  return url:match("^https?://([^/]+)")
end

local function get(url)
  pace.wait(host_of(url), PER_SECOND)
  return taskq.http.get(url, { timeout = 10000 })
end

local function sync(context)
  local url = context.task.payload.url
  local response = assert(get(url .. "/products"))
  local list = assert(response.json())
  local tasks = {}
  for i, id in ipairs(list) do
    tasks[i] = {
      type = "product:fetch", payload = { url = url .. "/products/" .. id },
      priority = context.task.priority,
    }
  end
  return { enqueued = taskq.enqueue_many(tasks) }
end

local function fetch(context)
  local response, message = get(context.task.payload.url)
  if not response then
    return { success = false, error = message }
  elseif response.status == 429 then
    return { success = false, snooze = SNOOZE_MS }
  elseif response.status >= 400 then
    return { success = false, error = "HTTP " .. response.status, discard = response.status < 500 }
  end
  local product = assert(response.json())
  return { name = product.name, price = product.price }
end

return {
  { type = "catalog:sync", handler = sync, payload = { url = "string" } },
  { type = "product:fetch", handler = fetch, payload = { url = "string" } },
}
