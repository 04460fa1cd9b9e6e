--- Does nothing: what remains is the cost of the queue.

return {
  type = "noop",
  handler = function()
    return { success = true }
  end,
}
