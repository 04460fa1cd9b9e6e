--- "image:thumbnail": makes a small picture of a large one. payload: { source, target, size? }.

local taskq = require "taskq"

local DEFAULT_SIZE = 64
local PROGRAM = os.getenv("THUMBNAILER") or "./thumbnail.py"

local function read_file(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

return {
  type = "image:thumbnail",
  timeout = 60000,
  payload = { source = "string", target = "string", size = "integer?" },
  handler = function(context)
    local image = context.task.payload
    local size = type(image.size) == "number" and image.size or DEFAULT_SIZE
    local done, message = taskq.spawn {
      PROGRAM, tostring(size),
      stdin = read_file(image.source), timeout = 20000, max_output = 4 * 1024 * 1024,
    }
    if not done then
      return { success = false, error = message }
    elseif done.code ~= 0 then
      -- The program does not like the image, and will not like it better next time.
      return { success = false, error = done.stderr, discard = true }
    end
    assert(taskq.file.write(image.target, done.stdout))
    return { target = image.target, bytes = #done.stdout }
  end,
}
