--- The module that handlers require has the same names in the worker, in taskq.testing and in the
--- annotations for the language server.

local uv = require "luv"
local taskq = require "support.taskq"
local worker = require "support.worker"
local testing = require "taskq.testing"

local HANDLERS = uv.cwd() .. "/spec/fixtures/handlers/parity"

--- Calls visit(line, path) for each line of the files in a folder.
local function each_line(folder, suffix, visit)
  for file in uv.fs_scandir_next, uv.fs_scandir(folder) do
    if file:sub(-#suffix) == suffix then
      for line in io.lines(folder .. "/" .. file) do
        visit(line, folder .. "/" .. file)
      end
    end
  end
end

--- Every name that the module or the context may have: those that C registers, those of the files
--- in lua/taskq, and those that are annotated.
local function candidates()
  local seen, list = {}, {}
  local function add(name)
    if not seen[name] then
      seen[name] = true
      list[#list + 1] = name
    end
  end
  each_line("src/binding", ".c", function(line)
    for name in line:gmatch('"([%a_][%w_]*)"') do
      add(name)
    end
  end)
  each_line("lua/taskq", ".lua", function(line, path)
    add(path:match("([%w_]+)%.lua$"))
    add(line:match("^%-%-%-@field ([%a_][%w_]*)") or "task")
  end)
  return list
end

--- The fields of the classes that the annotations declare: fields[class][field] = true.
local function annotated()
  local fields = {}
  local class, path
  each_line("lua/taskq", ".lua", function(line, file)
    local is_kept = file == path and line:find("^%-%-")
    class, path = line:match("^%-%-%-@class ([%w_.]+)") or (is_kept and class) or nil, file
    local field = class and line:match("^%-%-%-@field ([%a_][%w_]*)")
    if class then
      fields[class] = fields[class] or {}
      fields[class][field or 1] = true
    end
  end)
  return fields
end

local function keys(map, drop)
  local list = {}
  for name in pairs(map) do
    if name ~= 1 and not (drop and name:find(drop)) then
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

describe("the module taskq", function()
  local queue, real, fake, fields

  setup(function()
    local payload = { candidates = candidates() }
    queue = worker.queue()
    local id = queue:enqueue("names", testing.encode(payload))
    local result = taskq.run({ "worker", "--handlers", HANDLERS, "--until-empty" },
      { database = queue.url, timeout = 60 })
    assert.equal(0, result.code, result.err)
    real = testing.decode(queue:task(id).result)
    testing.reset { handlers = HANDLERS }
    fake = testing.run("names", payload).result
    fields = annotated()
  end)

  teardown(function() queue:close() end)

  for _, part in ipairs { "module", "context", "task", "libraries" } do
    it("is the same in a test as in the worker: " .. part, function()
      assert.is_true(#keys(real[part]) > 3)
      assert.same(real[part], fake[part])
    end)
  end

  it("is annotated", function()
    assert.same(keys(real.module, "%."), keys(fields.taskq))
    assert.same(keys(real.context), keys(fields["taskq.Context"]))
    assert.same(keys(real.task), keys(fields["taskq.Task"]))
  end)

  it("has annotated libraries", function()
    local classes = { json = "taskq.Json", log = "taskq.Log" }
    for name, class in pairs(classes) do
      local found = {}
      for path in pairs(real.module) do
        found[#found + 1] = path:match("^" .. name .. "%.(.*)$")
      end
      table.sort(found)
      assert.same(found, keys(fields[class]))
    end
  end)

  it("is annotated by classes that there are", function()
    local declared, unknown = {}, {}
    local function each_annotation(visit)
      for _, folder in ipairs { "lua/taskq", "lua/taskq/testing" } do
        each_line(folder, ".lua", function(line, path)
          if line:find("^%-%-%-@%a") and not line:find("^%-%-%-@meta") then
            visit(line, path)
          end
        end)
      end
    end
    each_annotation(function(line)
      declared[line:match("^%-%-%-@class ([%w_.]+)") or line:match("^%-%-%-@alias ([%w_.]+)")
        or ""] = true
    end)
    each_annotation(function(line, path)
      -- Classes have a capital; what else is found are functions that the prose mentions.
      local types = line:match("^%-%-%-@field %S+ (.*)") or line:match("^%-%-%-@%a+ (.*)")
      for name in types:gmatch("%f[%w]taskq%.[%w_.]*%f[%u]%w+") do
        unknown[#unknown + 1] = not declared[name] and path .. ": " .. name or nil
      end
    end)
    assert.same({}, unknown)
  end)

  it("has a taskq.testing whose lists are annotated", function()
    testing.reset()
    for _, name in ipairs(keys(fields["taskq.testing"])) do
      assert.is_table(testing[name], name)
    end
    for name, value in pairs(testing) do
      assert.is_function(value, name)
    end
  end)
end)
