--- "report:generate": sums one column of a CSV file by another one.
---
--- payload: { source, group_by, sum, format?, output? }. format is "markdown" (default) or "csv";
--- output is a path, by default task-ID.md or .csv in the folder of REPORTS_DIR, or ./reports.
--- Running it twice writes the same file again.

local taskq = require "taskq"
local csv = require "csv"

local function check_columns(row, payload)
  for _, field in ipairs { "group_by", "sum" } do
    if not row[payload[field]] then
      local message = "%s:1: %s: there is no column %s"
      error(message:format(payload.source, field, tostring(payload[field])), 0)
    end
  end
end

local function collect(payload)
  local totals, rows = {}, 0
  for row, line in csv.rows(payload.source) do
    if rows == 0 then
      check_columns(row, payload)
    end
    local group, text = row[payload.group_by], row[payload.sum]
    local value = tonumber(text)
    if not value then
      error(("%s:%d: %s: %q is not a number"):format(payload.source, line, payload.sum, text), 0)
    end
    totals[group] = (totals[group] or 0) + value
    rows = rows + 1
  end
  return totals, rows
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

-- Sums of decimal fractions end in noise, as 0.1 + 0.2 does.
local function number(value)
  return math.type(value) == "integer" and tostring(value) or ("%.15g"):format(value)
end

local writers = {}

function writers.csv(payload, totals)
  local function quote(text)
    return text:find('[",\r\n]') and '"' .. text:gsub('"', '""') .. '"' or text
  end
  local lines = { quote(payload.group_by) .. "," .. quote(payload.sum) }
  for _, key in ipairs(sorted_keys(totals)) do
    lines[#lines + 1] = quote(key) .. "," .. number(totals[key])
  end
  return table.concat(lines, "\r\n") .. "\r\n", "csv"
end

function writers.markdown(payload, totals, rows)
  local function cell(text)
    return (text:gsub("[|\\]", "\\%0"):gsub("%s+", " "))
  end
  local lines = {
    ("# %s by %s"):format(payload.sum, payload.group_by),
    "",
    ("%d rows of %s"):format(rows, payload.source),
    "",
    ("| %s | %s |"):format(cell(payload.group_by), cell(payload.sum)),
    "| --- | ---: |",
  }
  for _, key in ipairs(sorted_keys(totals)) do
    lines[#lines + 1] = ("| %s | %s |"):format(cell(key), number(totals[key]))
  end
  return table.concat(lines, "\n") .. "\n", "md"
end

return {
  type = "report:generate",
  timeout = 300000,
  handler = function(context)
    local payload = context.task.payload
    assert(type(payload.source) == "string", "source: must be the path of a CSV file")
    local write = writers[payload.format or "markdown"]
    if not write then
      local message = ("format: %s is neither markdown nor csv"):format(tostring(payload.format))
      return { success = false, error = message, discard = true }
    end

    local totals, rows = collect(payload)
    local text, extension = write(payload, totals, rows)
    local folder = os.getenv("REPORTS_DIR") or "reports"
    local path = payload.output or ("%s/task-%d.%s"):format(folder, context.task.id, extension)
    assert(taskq.file.write(path, text))
    return { rows = rows, path = path, totals = totals }
  end,
}
