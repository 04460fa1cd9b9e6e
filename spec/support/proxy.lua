--- A socket between a worker and its PostgreSQL, which can keep the server's answers to itself, and
--- be cut. Connections are known by their application_name. It runs on the spec's loop, that is,
--- while the spec waits.

local uv = require "luv"
local folder = require "support.folder"

local M = {}

---@class Proxy
---@field url string  the database's, through the proxy
local Proxy = {}
Proxy.__index = Proxy

local function close(pipe)
  if not pipe:is_closing() then
    pipe:close()
  end
end

local function close_link(self, link)
  self.links[link] = nil
  close(link.client)
  close(link.server)
end

-- Passes on what `from` says until it ends; is_kept says whether to keep it instead.
local function pass(self, link, from, to, is_kept)
  from:read_start(function(failure, data)
    if failure or not data then
      close_link(self, link)
    elseif not is_kept() then
      link.hello = link.hello or data -- the client speaks first
      to:write(data)
    end
  end)
end

local function on_client(self)
  local link = { client = uv.new_pipe(false), server = uv.new_pipe(false) }
  assert(self.listener:accept(link.client))
  self.links[link] = true
  link.server:connect(self.target, function(failure)
    if failure then
      close_link(self, link)
      return
    end
    pass(self, link, link.client, link.server, function() return false end)
    pass(self, link, link.server, link.client, function() return link.is_mute end)
  end)
end

--- Starts listening; the URL names a folder with the server's socket as `host`.
---@param url string
---@return Proxy
function M.new(url)
  local place, port = folder.new(), url:match("port=(%d+)")
  local self = setmetatable({ links = {}, listener = uv.new_pipe(false) }, Proxy)
  self.target = ("%s/.s.PGSQL.%s"):format(url:match("host=([^&]+)"), port)
  self.url = url:gsub("host=[^&]+", function() return "host=" .. place end)
  assert(self.listener:bind(("%s/.s.PGSQL.%s"):format(place, port)))
  assert(self.listener:listen(16, function(failure)
    assert(not failure, failure)
    on_client(self)
  end))
  return self
end

local function each(self, name, action)
  local count = 0
  for link in pairs(self.links) do
    if link.hello and link.hello:find(name .. "\0", 1, true) then
      action(link)
      count = count + 1
    end
  end
  assert(count > 0, "there is no connection " .. name)
end

--- From now on the client hears nothing on the connections with this name.
---@param name string
function Proxy:mute(name)
  each(self, name, function(link) link.is_mute = true end)
end

--- Cuts the connections with this name.
---@param name string
function Proxy:cut(name)
  each(self, name, function(link) close_link(self, link) end)
end

function Proxy:close()
  for link in pairs(self.links) do
    close_link(self, link)
  end
  close(self.listener)
  uv.run("nowait")
end

return M
