--- A web server for specs, spec/support/http_server.py: what it answers is in the path that is
--- asked for.

local cjson = require "cjson"
local folder = require "support.folder"
local process = require "support.process"
local wait = require "support.wait"

local M = {}

---@class HttpServer
---@field port string
---@field url string  http://127.0.0.1:PORT
local Server = {}
Server.__index = Server

--- Makes a certificate for localhost that nobody trusts.
---@return string certificate
---@return string key
function M.certificate()
  local place = folder.new()
  local certificate, key = place .. "/certificate.pem", place .. "/key.pem"
  local made = process.run { "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost" }
  assert(made.code == 0, made.err)
  return certificate, key
end

--- Starts a server, with TLS when it is given a certificate.
---@param certificate string?
---@param key string?
---@return HttpServer
function M.start(certificate, key)
  local self = setmetatable({}, Server)
  self.process = process.start { "python3", "spec/support/http_server.py", certificate, key }
  self.port = wait.wait_until(30, function()
    return self.process:stdout():match("^port (%d+)\n")
  end, "the port of the server")
  self.url = (certificate and "https://localhost:" or "http://127.0.0.1:") .. self.port
  return self
end

--- What it has seen: requests { method, path, headers }, and { left = PATH } for clients that
--- went away without their answer.
---@return table[]
function Server:seen()
  local list = {}
  for line in self.process:stdout():gmatch("({[^\n]+)\n") do
    list[#list + 1] = cjson.decode(line)
  end
  return list
end

--- Waits until so many clients have gone away without their answer.
---@param count integer
function Server:await_left(count)
  wait.wait_until(30, function()
    local left = 0
    for _, seen in ipairs(self:seen()) do
      left = left + (seen.left and 1 or 0)
    end
    return left >= count
  end, ("%d clients that leave"):format(count))
end

--- Waits until so many requests have come.
---@param count integer
function Server:await_requests(count)
  wait.wait_until(30, function()
    local requests = 0
    for _, seen in ipairs(self:seen()) do
      requests = requests + (seen.method and 1 or 0)
    end
    return requests >= count
  end, ("%d requests"):format(count))
end

return M
