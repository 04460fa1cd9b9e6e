--- A socket between a worker and its PostgreSQL, which can keep the server's answers to itself,
--- swallow notifications, hold requests to cancel, refuse connections or never answer them, be cut,
--- and do something after a certain message of the protocol. Connections are known by their
--- application_name. It runs on the spec's loop, that is, while the spec waits.

local uv = require "luv"
local folder = require "support.folder"
local wait = require "support.wait"

local M = {}

---@class Proxy
---@field url string  the database's, through the proxy
---@field silenced integer?  how many have got no answer
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

-- Cuts what one side says into messages: a type, and a length that counts itself. The first message
-- of a client has no type.
local function splitter(side)
  local buffer, has_type = "", side == "server"
  return function(data)
    local messages = {}
    buffer = buffer .. data
    while true do
      local head = has_type and 1 or 0
      if #buffer < head + 4 then
        return messages
      end
      local len = head + string.unpack(">I4", buffer, head + 1)
      if #buffer < len then
        return messages
      end
      messages[#messages + 1] = buffer:sub(1, len)
      buffer, has_type = buffer:sub(len + 1), true
    end
  end
end

local function has_name(link, name)
  return link.hello and link.hello:find(name .. "\0", 1, true)
end

-- The action that is due now that a side of the link has said one more message.
local function take_action(self, link, side)
  local mine = self.mine
  if not mine or side ~= mine.side or not has_name(link, mine.name) then
    return nil
  end
  link.count = (link.count or 0) + 1
  if link.count < mine.count then
    return nil
  end
  self.mine = nil
  return mine.action
end

-- Whether the client is not to hear what the server has said.
local function is_kept(link, side, message)
  if side == "client" then
    return false
  end
  local is_notification = message:sub(1, 1) == "A"
  if is_notification then -- its length, a process id, the channel and the payload
    link.heard[#link.heard + 1] = message:match("\0([^\0]*)\0$", 10)
  end
  if link.mute_from and message:find(link.mute_from, 1, true) then
    link.is_mute = true
  end
  return link.is_mute or (is_notification and link.is_deaf)
end

-- The first message, the client's, says who it is; whoever is refused is cut. A request to cancel
-- is no more than that message.
local function is_refused(self, link, message)
  link.hello = message
  if self.silenced then
    self.silenced = self.silenced + 1
    link.is_silent = true
    return true
  end
  if self.cancels and message:sub(5, 8) == "\x04\xd2\x16\x2e" then
    self.cancels = self.cancels + 1
    return true
  end
  for name, times in pairs(self.refused) do
    if has_name(link, name) then
      times[#times + 1] = wait.now()
      close_link(self, link)
      return true
    end
  end
  return false
end

-- Passes on what a side says until it ends.
local function pass(self, link, side)
  local from, to = link[side], link[side == "client" and "server" or "client"]
  local split = splitter(side)
  from:read_start(function(failure, data)
    if failure or not data then
      close_link(self, link)
      return
    end
    for _, message in ipairs(split(data)) do
      if to:is_closing() or link.is_over then
        return
      end
      if not link.hello and is_refused(self, link, message) then
        return
      end
      local action = take_action(self, link, side)
      link.is_over = action ~= nil
      if not is_kept(link, side, message) then
        to:write(message, action and function() action(link) end)
      end
    end
  end)
end

local function on_client(self)
  local link = {
    client = uv.new_pipe(false), server = uv.new_pipe(false), heard = {},
  }
  assert(self.listener:accept(link.client))
  self.links[link] = true
  link.server:connect(self.target, function(failure)
    if failure then
      close_link(self, link)
      return
    end
    pass(self, link, "client")
    pass(self, link, "server")
  end)
end

--- Starts listening; the URL names a folder with the server's socket as `host`.
---@param url string
---@return Proxy
function M.new(url)
  local place, port = folder.new(), url:match("port=(%d+)")
  local self = setmetatable({ links = {}, refused = {}, listener = uv.new_pipe(false) }, Proxy)
  self.sigpipe = uv.new_signal() -- a peer that is gone is an error of the write, not the end of us
  self.sigpipe:start("sigpipe", function() end)
  self.target = ("%s/.s.PGSQL.%s"):format(url:match("host=([^&]+)"), port)
  self.url = url:gsub("host=[^&]+", function() return "host=" .. place end)
  assert(self.listener:bind(("%s/.s.PGSQL.%s"):format(place, port)))
  assert(self.listener:listen(1024, function(failure)
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

--- The client hears nothing any more as soon as the server says something with this text on a
--- connection with this name; not even that.
---@param name string
---@param text string
function Proxy:mute_from(name, text)
  each(self, name, function(link) link.mute_from = text end)
end

--- From now on no notification gets through on the connections with this name.
---@param name string
function Proxy:deafen(name)
  each(self, name, function(link) link.is_deaf = true end)
end

--- The payloads of the notifications that have come for the connections with this name that are
--- there now, if any; of each connection in their order.
---@param name string
---@return string[]
function Proxy:heard(name)
  local payloads = {}
  for link in pairs(self.links) do
    if has_name(link, name) then
      table.move(link.heard, 1, #link.heard, #payloads + 1, payloads)
    end
  end
  return payloads
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

--- From now on requests to cancel are neither passed on nor answered.
function Proxy:hold_cancels()
  self.cancels = 0
end

--- From now on new connections are never answered, and those that are there are cut.
function Proxy:silence()
  self.silenced = 0
  for link in pairs(self.links) do
    close_link(self, link)
  end
end

--- Refuses nobody any more; those who got no answer are cut.
function Proxy:allow()
  self.refused, self.silenced = {}, nil
  for link in pairs(self.links) do
    if link.is_silent then
      close_link(self, link)
    end
  end
end

--- Once: after `count` messages of a side ("client" or "server") on a connection with this name,
--- calls the action when the last of them has been passed on; nothing more is passed on then.
---@param name string
---@param side "client" | "server"
---@param count integer
---@param action fun()?  cuts the connection unless said
function Proxy:after(name, side, count, action)
  for link in pairs(self.links) do
    link.count = nil
  end
  self.mine = { name = name, side = side, count = count, action = action or function(link)
    close_link(self, link)
  end }
end

--- Whether that has not happened yet.
---@return boolean
function Proxy:is_armed()
  return self.mine ~= nil
end

function Proxy:close()
  for link in pairs(self.links) do
    close_link(self, link)
  end
  close(self.listener)
  close(self.sigpipe)
  uv.run("nowait")
end

return M
