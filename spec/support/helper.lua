--- Loaded by busted before any spec (see .busted). The modules that hold processes, the PostgreSQL
--- and temporary folders are required here, so that all spec files share them; what a file leaves
--- behind is ended after it.

local busted = require "busted"
local database = require "support.database"
local folder = require "support.folder"
local process = require "support.process"

busted.subscribe({ "file", "end" }, function()
  process.stop_all()
  database.drop_all()
  return nil, true
end)

busted.subscribe({ "exit" }, function()
  process.stop_all(true)
  folder.remove_all()
  return nil, true
end)
