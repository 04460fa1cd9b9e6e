--- The table of states in ARCHITECTURE.md: the statements and specs that it names are there.

local folder = require "support.folder"

-- The cells of each row of the table that has a column "spec".
local function rows()
  local found, text = {}, folder.read("ARCHITECTURE.md")
  local table_text = text:match("| transition [^\n]*| spec |\n|[-|]+\n(.*)")
  for line in table_text:gmatch("([^\n]*)\n") do
    local cells = {}
    for cell in line:gmatch("| ([^|]*)") do
      cells[#cells + 1] = cell:match("^(.-)%s*$")
    end
    if #cells == 0 then
      break
    end
    found[#found + 1] = cells
  end
  return found
end

local function statement_path(name)
  return name:find("/", 1, true) and name or "sql/queries/" .. name
end

describe("the table of states", function()
  it("has a row for each way on", function()
    assert.is_true(#rows() > 20)
  end)

  for _, cells in ipairs(rows()) do
    local transition, statements, specs = cells[1], cells[4], cells[5]

    it("names the statement of: " .. transition, function()
      for name in statements:gmatch("`([^`]+%.sql)`") do
        assert.is_true(#folder.read(statement_path(name)) > 0)
      end
    end)

    it("names the spec of: " .. transition, function()
      local text
      for part in (specs .. "; "):gmatch("(.-); ") do
        local path, title = part:match("^`([^`]+)`: (.*)$")
        text = path and folder.read("spec/" .. path) or text
        title = title or part
        assert.is_number(text:find('"' .. title, 1, true), title)
      end
    end)
  end
end)
