--- "order:process": takes an order from the stock. payload: { order_id }.
--- "order:confirm": tells the customer. payload: { order_id, to }.

local taskq = require "taskq"

local TAKE = [[
  update shop.stock s
  set amount = s.amount - o.amount
  from shop.orders o
  where o.id = $1 and s.item = o.item and s.amount >= o.amount
  returning o.customer
]]

local SHIP = [[
  insert into shop.shipments (order_id, task_id) values ($1, $2) returning id
]]

local function process(context)
  local order_id = context.task.payload.order_id
  return context.transaction(function(db)
    local taken = assert(db.query(TAKE, order_id))
    if #taken == 0 then
      return { shipped = false, reason = "out of stock" }
    end
    local shipments = assert(db.query(SHIP, order_id, context.task.id))
    db.enqueue {
      type = "order:confirm", priority = 10,
      payload = { order_id = order_id, to = taken[1].customer },
    }
    return { shipped = true, shipment = shipments[1].id }
  end)
end

local function confirm(context)
  local payload = context.task.payload
  assert(taskq.mail {
    to = payload.to,
    subject = ("Your order %d is on its way"):format(payload.order_id),
    text = "Thank you!\n",
  })
end

return {
  { type = "order:process", handler = process, payload = { order_id = "integer" } },
  { type = "order:confirm", handler = confirm, payload = { order_id = "integer", to = "string" } },
}
