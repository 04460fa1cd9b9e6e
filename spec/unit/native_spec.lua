--- The tests of C functions: one `it` for each test of taskq-unit, in a process of its own.

local program = os.getenv("TASKQ_UNIT") or "build/release/taskq-unit"

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Runs the program with one argument; returns whether it succeeded, and what it wrote.
---@param argument string
---@return boolean succeeded
---@return string output
local function run(argument)
  local pipe <close> = assert(io.popen(quote(program) .. " " .. quote(argument) .. " 2>&1"))
  local output = pipe:read("a")
  local succeeded, how, code = pipe:close()
  if how == "signal" or (code and code > 128) then
    output = ("%sended by signal %d\n"):format(output, how == "signal" and code or code - 128)
  end
  return succeeded == true, output
end

--- The tests by the file they are in, as `{ file = "base/glob", names = { ... } }`, in order.
local function list_tests()
  local succeeded, output = run("--list")
  if not succeeded then
    error(("%s --list failed; TASKQ_UNIT names the program:\n%s"):format(program, output))
  end
  local groups = {}
  for file, name in output:gmatch("([^\n:]+):([^\n]+)") do
    local group = groups[#groups]
    if not group or group.file ~= file then
      group = { file = file, names = {} }
      groups[#groups + 1] = group
    end
    group.names[#group.names + 1] = name
  end
  return groups
end

for _, group in ipairs(list_tests()) do
  describe("src/" .. group.file .. ".c", function()
    for _, name in ipairs(group.names) do
      it((name:gsub("_", " ")), function()
        local succeeded, output = run(group.file .. ":" .. name)

        assert(succeeded, output)
      end)
    end
  end)
end
