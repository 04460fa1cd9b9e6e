--- A handler file as the program loads it, with a `taskq` module that only writes down.

local uv = require "luv"
local folder = require "support.folder"

local M = {}

-- Modules that handler files require; each load gets new ones.
local FRESH = { "taskq", "csv", "template" }

---@class FakeTaskq
---@field mails table[]     what taskq.mail was called with
---@field mail_reply table  what it returns
---@field files table<string, string>  what taskq.file.write was called with

local function fake_taskq()
  local fake = { mails = {}, mail_reply = { true }, files = {}, file = {} }
  function fake.mail(mail)
    fake.mails[#fake.mails + 1] = mail
    return table.unpack(fake.mail_reply)
  end
  function fake.file.write(path, text)
    fake.files[path] = text
    return true
  end
  return fake
end

local function require_fresh(lib)
  for _, name in ipairs(FRESH) do
    package.loaded[name] = nil
  end
  package.path = lib .. "/?.lua;" .. package.path
end

--- Loads a handler file; `run(payload, task)` calls its handler and returns what it returns.
---@param path string
---@return table handler
---@return FakeTaskq taskq
---@return fun(payload: any, task: table?): any run
function M.load(path)
  local old_path, fake = package.path, fake_taskq()
  require_fresh(path:match("^(.*)/") .. "/lib")
  package.loaded.taskq = fake
  local is_loaded, handler = pcall(assert(loadfile(path)), path:match("([^/]+)$"), path)
  package.path = old_path
  for _, name in ipairs(FRESH) do
    package.loaded[name] = nil
  end
  assert(is_loaded, handler)
  return handler, fake, function(payload, task)
    task = task or {}
    task.payload, task.id, task.attempt = payload, task.id or 1, task.attempt or 1
    return handler.handler { task = task, is_shutting_down = function() return false end }
  end
end

--- A copy of a folder of handlers, to which a spec may add.
---@param path string
---@return string
function M.copy(path)
  local target = folder.new()
  for name, kind in uv.fs_scandir_next, uv.fs_scandir(path) do
    if kind == "directory" then
      for file in uv.fs_scandir_next, uv.fs_scandir(path .. "/" .. name) do
        local relative = name .. "/" .. file
        folder.write(target .. "/" .. relative, folder.read(path .. "/" .. relative))
      end
    else
      folder.write(target .. "/" .. name, folder.read(path .. "/" .. name))
    end
  end
  return target
end

return M
