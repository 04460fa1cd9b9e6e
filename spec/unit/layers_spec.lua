--- The shape of the source tree, as far as a machine can see it: layers include downwards only,
--- each library has its place, headers stand alone, and no file outgrows its reader.

-- What a layer may include besides itself. Folders of src/, from the bottom up.
local BELOW = {
  base = {},
  loop = { "base" },
  server = { "loop", "base" },
  net = { "loop", "base" },
  database = { "loop", "base" },
  script = { "base" },
  binding = { "script", "base" },
  loadable = { "script" },
  worker = { "binding", "script", "database", "net", "loop", "base" },
  command = { "worker", "server", "binding", "script", "database", "net", "loop", "base" },
  ["main.c"] = {
    "command", "worker", "server", "binding", "script", "database", "net", "loop", "base",
  },
}

local LUA = { "script", "binding", "loadable" }

-- The layers that may see a library, by how its headers are called.
local LIBRARIES = {
  { pattern = "^uv%.h$", layers = { "loop", "database", "net", "server", "worker" } },
  { pattern = "^libpq", layers = { "database" } },
  { pattern = "^postgres_ext%.h$", layers = { "database" } },
  { pattern = "^curl/", layers = { "net" } },
  { pattern = "^lua%.h", layers = LUA },
  { pattern = "^luaconf%.h$", layers = LUA },
  { pattern = "^lauxlib%.h$", layers = LUA },
  { pattern = "^lualib%.h$", layers = LUA },
}

local MAX_C_LINES = 600
local MAX_LUA_LINES, MAX_SPEC_LINES = 200, 400

local function output_of(command)
  local pipe <close> = assert(io.popen(command))
  local output = pipe:read("a")
  return output, pipe:close()
end

local function find(arguments)
  local paths = {}
  for path in output_of("find " .. arguments .. " 2>/dev/null | sort"):gmatch("[^\n]+") do
    paths[#paths + 1] = path
  end
  return paths
end

local function contains(list, wanted)
  for _, item in ipairs(list) do
    if item == wanted then
      return true
    end
  end
  return false
end

local function count_lines(path)
  local count = 0
  for _ in io.lines(path) do
    count = count + 1
  end
  return count
end

--- Calls `check(layer, header, is_own)` for each #include in src/; returns what it complains of.
local function complaints(check)
  local found = {}
  for _, path in ipairs(find("src -name '*.[ch]'")) do
    local layer = path:match("^src/([^/]+)")
    for line in io.lines(path) do
      local open, header = line:match("^%s*#%s*include%s+([\"<])([^\">]+)")
      local complaint = header and check(layer, header, open == '"')
      if complaint then
        found[#found + 1] = ("%s includes %s: %s"):format(path, header, complaint)
      end
    end
  end
  return found
end

local function longer_than(limit, paths)
  local found = {}
  for _, path in ipairs(paths) do
    local lines = count_lines(path)
    if lines > limit then
      found[#found + 1] = ("%s has %d lines, %d at most"):format(path, lines, limit)
    end
  end
  return found
end

describe("the source tree", function()
  it("has only the layers of the design", function()
    for _, path in ipairs(find("src -name '*.[ch]'")) do
      assert.is_table(BELOW[path:match("^src/([^/]+)")], path .. " is in no layer")
    end
  end)

  it("includes its own layer and lower ones only", function()
    assert.same({}, complaints(function(layer, header, is_own)
      local other = header:match("^([^/]+)/")
      if is_own and not other then
        return "headers are spelled with their layer"
      elseif is_own and other ~= layer and not contains(BELOW[layer], other) then
        return ("%s may not see %s"):format(layer, other)
      end
    end))
  end)

  it("keeps each library in its layers", function()
    assert.same({}, complaints(function(layer, header)
      for _, library in ipairs(LIBRARIES) do
        if header:find(library.pattern) and not contains(library.layers, layer) then
          return "only in " .. table.concat(library.layers, ", ")
        end
      end
    end))
  end)

  it("has headers that compile alone", function()
    local flags = "$(pkg-config --cflags lua5.4 libuv libpq libcurl)"
    local headers = table.concat(find("src -name '*.h'"), " ")

    local output, succeeded = output_of(
      "cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Isrc " .. flags .. " -x c "
        .. headers .. " 2>&1")

    assert(succeeded, output)
  end)

  it("has no C file that nobody would read", function()
    assert.same({}, longer_than(MAX_C_LINES, find("src spec -name '*.[ch]'")))
  end)

  it("has short Lua files", function()
    assert.same({}, longer_than(MAX_LUA_LINES, find("lua handlers examples -name '*.lua'")))
    assert.same({}, longer_than(MAX_SPEC_LINES, find("spec -name '*.lua'")))
  end)
end)
