--- Loaded by busted before any spec (see .busted). The modules that hold processes, the PostgreSQL
--- and temporary folders are required here, so that all spec files share them; what a file leaves
--- behind is ended after it.

local busted = require "busted"
local database = require "support.database"
local folder = require "support.folder"
local process = require "support.process"

-- taskq_json.so, which taskq.testing loads, lies beside the program under test.
local program = os.getenv("TASKQ_BIN") or "build/release/taskq"
package.cpath = program:match("^.*/") .. "?.so;" .. package.cpath

-- How many specs passed, failed and were skipped, for scripts/test. What goes wrong outside of a
-- spec (a file that does not load, a setup that raises) counts as failed.
local counts = { success = 0, failure = 0, error = 0, pending = 0 }

busted.subscribe({ "test", "end" }, function(_, _, status)
  counts[status] = counts[status] + 1
  return nil, true
end)

busted.subscribe({ "error" }, function(element)
  if element.descriptor ~= "it" then
    counts.error = counts.error + 1
  end
  return nil, true
end)

busted.subscribe({ "file", "end" }, function(file)
  process.stop_all()
  for _, text in ipairs(process.take_crashes()) do
    busted.publish({ "error", "file" }, file, nil, text, {})
  end
  database.drop_all()
  return nil, true
end)

local function write_summary()
  local path = os.getenv("TASKQ_SPEC_SUMMARY")
  if path then
    local failed = counts.failure + counts.error
    folder.write(path, ("%d %d %d\n"):format(counts.success, failed, counts.pending))
  end
end

busted.subscribe({ "exit" }, function()
  write_summary()
  process.stop_all(true)
  folder.remove_all()
  return nil, true
end)
