--- Reading CSV (RFC 4180) a row at a time, so that a file may be larger than memory.

local M = {}

local MAX_RECORD_BYTES = 1024 * 1024 -- a quote that is never closed would swallow the file
local BYTE_ORDER_MARK = "\xEF\xBB\xBF"

--- The fields of a record, or nil when a quoted field goes on in the next line.
local function split(record)
  local fields, at = {}, 1
  repeat
    local field
    if record:sub(at, at) == '"' then
      local from = at + 1
      local quote = record:find('"', from, true)
      while quote and record:sub(quote + 1, quote + 1) == '"' do
        quote = record:find('"', quote + 2, true)
      end
      if not quote then
        return nil
      end
      field, at = record:sub(from, quote - 1):gsub('""', '"'), quote + 1
      if not record:find("^,", at) and at <= #record then
        return nil, "text after a closing quote"
      end
    else
      local comma = record:find(",", at, true) or #record + 1
      field, at = record:sub(at, comma - 1), comma
      if field:find('"', 1, true) then
        return nil, "a quote inside of a field that is not quoted"
      end
    end
    fields[#fields + 1] = field
    at = at + 1
  until at > #record + 1
  return fields
end

local function raise(path, line, message)
  error(("%s:%d: %s"):format(path, line, message), 0)
end

--- A function that returns the next record and the number of its first line.
local function record_reader(path, file)
  local line_number = 0
  return function()
    local record, first = file:read("l"), line_number + 1
    if not record then
      return nil
    end
    line_number = first
    while true do
      local fields, problem = split((record:gsub("\r$", "")))
      if fields then
        return fields, first
      elseif problem then
        raise(path, line_number, problem)
      end
      local more = file:read("l")
      if not more or #record > MAX_RECORD_BYTES then
        raise(path, first, "a quoted field without its closing quote")
      end
      record, line_number = record .. "\n" .. more, line_number + 1
    end
  end
end

--- Iterates over the rows below the header: `for row, line in csv.rows(path) do`, where row has a
--- field for each name in the header. Raises "path:line: why" on what is not CSV.
---@param path string
---@return fun(): table<string, string>?, integer?
function M.rows(path)
  local file, message = io.open(path)
  if not file then
    error(message, 0)
  end
  if file:read(#BYTE_ORDER_MARK) ~= BYTE_ORDER_MARK then
    file:seek("set")
  end
  local next_record = record_reader(path, file)
  local names = next_record()
  if not names then
    raise(path, 1, "the header row is missing")
  end

  local function next_row()
    local fields, line = next_record()
    if not fields then
      return nil
    elseif #fields ~= #names then
      raise(path, line, ("%d fields, but the header has %d"):format(#fields, #names))
    end
    local row = {}
    for i, name in ipairs(names) do
      row[name] = fields[i]
    end
    return row, line
  end

  return next_row, nil, nil, file
end

return M
