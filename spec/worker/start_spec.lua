--- Why a worker does not start, told by its exit code and a message.

local uv = require "luv"
local database = require "support.database"
local folder = require "support.folder"
local taskq = require "support.taskq"

local UNAVAILABLE, SCHEMA, HANDLERS = 3, 4, 5

describe("a worker does not start", function()
  local url, place

  setup(function() url = database.fresh() end)
  before_each(function() place = folder.new() end)

  local function start(options)
    options = options or {}
    return taskq.run({ "worker", "--until-empty", "--handlers", options.handlers or place },
      { database = options.database or url, uid = options.uid, gid = options.uid })
  end

  -- files: name -> text; the message is looked for as it is.
  local function refuses(files, message)
    for name, text in pairs(files) do
      folder.write(place .. "/" .. name, text)
    end

    local result = start()

    assert.equal(HANDLERS, result.code, result.err)
    assert.is_number(result.err:gsub('\\"', '"'):find(message, 1, true), result.err)
  end

  it("when a file has a syntax error", function()
    refuses({ ["a.lua"] = "local x = 1\nreturn {{\n" }, "a.lua:3: unexpected symbol near <eof>")
  end)

  it("when a file raises an error", function()
    refuses({ ["a.lua"] = "\nlocal x = nil\nreturn x.y" },
      "a.lua:3: attempt to index a nil value (local 'x')")
  end)

  it("when a file returns no handler", function()
    refuses({ ["a.lua"] = "return 7" }, "a.lua: ")
  end)

  it("when a handler has no type", function()
    refuses({ ["a.lua"] = "return { handler = function() end }" }, "type")
  end)

  it("when a handler has no function", function()
    refuses({ ["a.lua"] = 'return { type = "a" }' }, "handler")
  end)

  it("when a handler has a field that does not exist", function()
    refuses({ ["a.lua"] = 'return { type = "a", handler = print, time_out = 5 }' },
      'a.lua:1: unknown field "time_out" (did you mean "timeout"?)')
  end)

  it("when a value makes no sense", function()
    refuses({ ["a.lua"] = 'return { {\n  type = "a", handler = print,\n  timeout = "5s" } }' },
      'a.lua:3: handler 1: timeout: must be a number of milliseconds, 1 or more, not "5s"')
  end)

  it("when two handlers have one type", function()
    refuses({
      ["a.lua"] = 'return { type = "x:y", handler = print }',
      ["b.lua"] = 'return { type = "x:y", handler = print }',
    }, "x:y")
  end)

  it("when a file never ends loading", function()
    refuses({ ["a.lua"] = "while true do end" }, "a.lua")
  end)

  it("when there is no handler", function()
    refuses({ ["notes.txt"] = "" }, "there is no handler in " .. place)
  end)

  it("when there is no such folder", function()
    local result = start { handlers = place .. "/missing" }

    assert.equal(HANDLERS, result.code)
    assert.is_string(result.err:match("missing"), result.err)
    assert.is_string(result.err:match("[Nn]o such file or directory"), result.err)
  end)

  it("when the folder cannot be read", function()
    local is_root = uv.getuid() == 0
    folder.write(place .. "/closed/a.lua", 'return { type = "a", handler = print }')
    assert(uv.fs_chmod(place .. "/closed", 0))

    -- Root may read everything, so it starts a copy that somebody else can reach.
    local program, copy = taskq.program, place .. "/taskq"
    assert(uv.fs_copyfile(program, copy))
    assert(uv.fs_chmod(place, tonumber("755", 8)))
    taskq.program = copy
    local result = start { handlers = place .. "/closed", uid = is_root and 65534 or nil }
    taskq.program = program
    assert(uv.fs_chmod(place .. "/closed", tonumber("755", 8)))

    assert.equal(HANDLERS, result.code)
    assert.is_string(result.err:match("/closed: Permission denied"), result.err)
  end)

  it("when the schema is missing", function()
    folder.write(place .. "/a.lua", 'return { type = "a", handler = print }')

    local result = start { database = database.empty() }

    assert.equal(SCHEMA, result.code)
    assert.is_string(result.err:match("taskq migrate"), result.err)
  end)

  it("when the database cannot be reached", function()
    folder.write(place .. "/a.lua", 'return { type = "a", handler = print }')

    local result = start { database = "postgresql://postgres@/x?host=" .. place }

    assert.equal(UNAVAILABLE, result.code)
    assert.is_number(result.err:find(place, 1, true), result.err)
  end)

  it("when there is no such database", function()
    folder.write(place .. "/a.lua", 'return { type = "a", handler = print }')

    local result = start { database = url .. "&dbname=missing" }

    assert.equal(UNAVAILABLE, result.code)
    assert.is_string(result.err:match('database "missing" does not exist'), result.err)
  end)
end)
