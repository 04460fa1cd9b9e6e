--- taskq check: all that is wrong with the handlers, or what they are; without a database.

local cjson = require "cjson"
local folder = require "support.folder"
local taskq = require "support.taskq"

local HANDLERS = 5

describe("taskq check", function()
  local place

  before_each(function() place = folder.new() .. "/handlers" end)

  local function check(files, flags)
    for name, text in pairs(files) do
      folder.write(place .. "/" .. name, text)
    end
    local arguments = { "check", "--handlers", place }
    table.move(flags or {}, 1, #(flags or {}), 4, arguments)
    -- A database that is not there: nobody asks for it.
    return taskq.run(arguments, { database = "host=/nowhere connect_timeout=1" })
  end

  -- The lines of text, with the folder's name left out.
  local function lines(text)
    local list = {}
    for line in text:gmatch("[^\n]+") do
      local start, stop = line:find(place .. "/", 1, true)
      list[#list + 1] = start and line:sub(1, start - 1) .. line:sub(stop + 1) or line
    end
    return list
  end

  it("lists the handlers", function()
    local result = check {
      ["a.lua"] = "return { type = 'a', timeout = 1500, max_attempts = 7, handler = print }",
      ["more/b.lua"] = [[
        return {
          { type = "b:one", handler = print, backoff = { kind = "fixed" } },
          { type = "b:two", handler = print },
        }]],
    }

    assert.equal(0, result.code, result.err)
    assert.equal("", result.err)
    local rows = {}
    for _, line in ipairs(lines(result.out)) do
      rows[#rows + 1] = line:gsub("%s+", " ")
    end
    assert.same({
      "type file timeout attempts backoff",
      "a a.lua 1500ms 7 polynomial",
      "b:one more/b.lua default default fixed",
      "b:two more/b.lua default default polynomial",
    }, rows)
  end)

  it("names every problem with its file, line and reason", function()
    local result = check({
      ["a.lua"] = "return {\n  { type = 'a', handler = print, timeout = '5s' },\n"
        .. "  { type = 'b', handler = print, time_out = 5 },\n}",
      ["b.lua"] = "return { type = 'ok', handler = print }",
      ["c.lua"] = "return { type = 'ok', handler = print }",
      ["d.lua"] = "\nx = = 3",
      ["e.lua"] = "local x = nil\nlocal y = 2\nreturn x.y",
      ["f.lua"] = "while true do end",
      ["g.lua"] = "local late = require 'late'\nreturn { type = 'g', handler = late }",
      ["lib/late.lua"] = "return function() end",
      ["lib/broken.lua"] = "return {\n  1,\n",
      ["listeners/l.lua"] = "error('not today')",
      ["spec/a_spec.lua"] = "this is no Lua",
    })

    assert.equal(HANDLERS, result.code)
    assert.equal("", result.out)
    assert.same({
      'a.lua:2: handler 1: timeout: must be a number of milliseconds, 1 or more, not "5s"',
      'a.lua:3: handler 2: unknown field "time_out" (did you mean "timeout"?)',
      'c.lua:1: type: "ok" is already handled by ' .. place .. "/b.lua",
      "d.lua:2: unexpected symbol near '='",
      "e.lua:3: attempt to index a nil value (local 'x')",
      "f.lua: its top level ran for more than 1000 ms; move the work into a handler",
      "listeners/l.lua:1: not today",
      "lib/broken.lua:3: unexpected symbol near <eof>",
      "taskq: 8 problems",
    }, lines(result.err))
  end)

  it("reads what editors on Windows write", function()
    local result = check {
      ["a b.lua"] = "\xef\xbb\xbfreturn {\r\n\ttype = 'a b',\r\n\thandler = print,\r\n}\r\n",
      ["b.lua"] = "\xef\xbb\xbf#!/usr/bin/lua\nreturn { { type = 'b', handler = print },\n"
        .. "  { type = 'b', handler = print } }",
      ["c.lua"] = "\xff\xfer\0e\0t\0",
    }

    assert.same({
      'b.lua: handler 2: type: "b" is already handled by ' .. place .. "/b.lua",
      "c.lua:1: is in UTF-16: save it as UTF-8",
      "taskq: 2 problems",
    }, lines(result.err))
  end)

  it("says both as JSON", function()
    local result = check({
      ["a.lua"] = "return { type = 'a', timeout = 1500, handler = print }",
      ["b.lua"] = "error('caf\\xe9 \"closed\"')",
    }, { "--json" })

    assert.equal(HANDLERS, result.code)
    assert.equal("", result.err)
    local document = cjson.decode(result.out)
    assert.equal(1, #document.handlers)
    assert.same({ "a", 1500, cjson.null, "polynomial" }, {
      document.handlers[1].type, document.handlers[1].timeout, document.handlers[1].max_attempts,
      document.handlers[1].backoff.kind })
    assert.same({ { file = place .. "/b.lua", line = 1,
      message = 'caf\u{FFFD} "closed"' } }, document.problems)
  end)

  it("fails without a handler, and without a folder", function()
    local empty = check { ["notes.txt"] = "nothing" }
    assert.equal(HANDLERS, empty.code)
    assert.equal(("there is no handler in %s: put a *.lua file there, or name another folder with "
      .. "--handlers"):format(place), lines(empty.err)[1])

    folder.remove(place)
    local missing = check {}
    assert.equal(HANDLERS, missing.code)
    assert.matches("^taskq: cannot read the folder .*: No such file or directory: make it, or ",
      missing.err)
  end)

  it("passes the samples", function()
    local result = taskq.run { "check", "--handlers", "handlers" }

    assert.equal(0, result.code, result.err)
    assert.matches("email:send +handlers/email_send.lua", result.out)
  end)
end)
