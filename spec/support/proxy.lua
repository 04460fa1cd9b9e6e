--- A socket between a worker and its PostgreSQL, which can keep the server's answers to itself,
--- swallow notifications, refuse connections, and be cut. Connections are known by their
--- application_name. It runs on the spec's loop, that is, while the spec waits.

local uv = require "luv"
local folder = require "support.folder"
local wait = require "support.wait"

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

-- The whole messages of what the server has said, but for notifications where those are swallowed;
-- the start of the next one is kept. A message is its type, its length and the rest.
local function filter(link, data)
  local out, at = {}, 1
  data = link.rest .. data
  while #data >= at + 4 do
    local len = 1 + string.unpack(">I4", data, at + 1)
    if #data < at + len - 1 then
      break
    end
    local is_notification = data:sub(at, at) == "A"
    link.notifications = link.notifications + (is_notification and 1 or 0)
    if not (is_notification and link.is_deaf) then
      out[#out + 1] = data:sub(at, at + len - 1)
    end
    at = at + len
  end
  link.rest = data:sub(at)
  return table.concat(out)
end

local function on_server_data(_, link, data)
  local text = filter(link, data)
  if text ~= "" and not link.is_mute then
    link.client:write(text)
  end
end

local function has_name(link, name)
  return link.hello and link.hello:find(name .. "\0", 1, true)
end

local function on_client_data(self, link, data)
  local is_new = not link.hello
  link.hello = link.hello or data -- the client speaks first
  for name, times in pairs(self.refused) do
    if is_new and has_name(link, name) then
      times[#times + 1] = wait.now()
      close_link(self, link)
      return
    end
  end
  link.server:write(data)
end

local function pass(self, link, from, on_data)
  from:read_start(function(failure, data)
    if failure or not data then
      close_link(self, link)
    else
      on_data(self, link, data)
    end
  end)
end

local function on_client(self)
  local link = {
    client = uv.new_pipe(false), server = uv.new_pipe(false), rest = "", notifications = 0,
  }
  assert(self.listener:accept(link.client))
  self.links[link] = true
  link.server:connect(self.target, function(failure)
    if failure then
      close_link(self, link)
      return
    end
    pass(self, link, link.client, on_client_data)
    pass(self, link, link.server, on_server_data)
  end)
end

--- Starts listening; the URL names a folder with the server's socket as `host`.
---@param url string
---@return Proxy
function M.new(url)
  local place, port = folder.new(), url:match("port=(%d+)")
  local self = setmetatable({ links = {}, refused = {}, listener = uv.new_pipe(false) }, Proxy)
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
    if has_name(link, name) then
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

--- From now on no notification gets through on the connections with this name.
---@param name string
function Proxy:deafen(name)
  each(self, name, function(link) link.is_deaf = true end)
end

--- How many notifications have come for the connections with this name that are there now.
---@param name string
---@return integer
function Proxy:notifications(name)
  local count = 0
  each(self, name, function(link) count = count + link.notifications end)
  return count
end

--- Cuts the connections with this name.
---@param name string
function Proxy:cut(name)
  each(self, name, function(link) close_link(self, link) end)
end

--- From now on new connections with this name are refused, and those that are there are cut.
---@param name string
---@return number[] times  of the refusals, in seconds; it grows
function Proxy:refuse(name)
  self.refused[name] = {}
  for link in pairs(self.links) do
    if has_name(link, name) then
      close_link(self, link)
    end
  end
  return self.refused[name]
end

--- Refuses nobody any more.
function Proxy:allow()
  self.refused = {}
end

function Proxy:close()
  for link in pairs(self.links) do
    close_link(self, link)
  end
  close(self.listener)
  uv.run("nowait")
end

return M
