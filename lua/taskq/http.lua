--- HTTP requests: what a handler asks for is checked here, then libcurl does it.

local arguments = require("taskq.arguments")("taskq.http")
local core = require "taskq.core"
local taskq = require "taskq"

---@class taskq.http
local M = {}

---@class taskq.HttpRequest
---@field url string http:// or https://
---@field method? string default "GET"
---@field headers? table<string, string|number>
---@field body? string
---@field json? any sent as the body, encoded; not together with body
---@field timeout? number milliseconds for everything; default 30000
---@field connect_timeout? number milliseconds for each connection; default 10000
---@field max_redirects? integer 0: a redirect is a response like any other; default 5
---@field max_bytes? integer of the response's body; default 10 MB
---@field ca? string a file of certificates to trust in place of the system's
---@field proxy? string "" for none; default: http_proxy, https_proxy, no_proxy

---@class taskq.HttpResponse
---@field status integer 400 and more are no errors
---@field headers table<string, string|string[]> lower-case names; set-cookie is a list
---@field body string decoded, if it came compressed
---@field url string the final one, without user and password
---@field json fun(): any, string? the decoded body; nil and a message when it is no JSON

local MAX_MS = 1e9
local MAX_BYTES = 1 << 40

local FIELDS = {
  "url", "method", "headers", "body", "json", "timeout", "connect_timeout", "max_redirects",
  "max_bytes", "ca", "proxy",
}

-- Header fields that follow from the other arguments.
local OWN_HEADERS = {
  ["content-length"] = true, ["transfer-encoding"] = true, connection = true, expect = true,
}

local function check_method(request)
  local method = (arguments:line(request, "method") or "GET"):upper()
  if not method:find("^[A-Z-]+$") or method == "CONNECT" or #method > 32 then
    arguments:refuse("method", "%q is no method that can be asked for", method)
  end
  return method
end

--- "Name: value" for libcurl, which wants "Name;" where the value is empty.
local function header_line(name, value)
  local argument = ("headers[%q]"):format(tostring(name))
  if type(name) ~= "string" or not name:find("^[%w!#$%%&'*+.^_`|~-]+$") then
    arguments:refuse(argument, "is no name of a header field")
  elseif OWN_HEADERS[name:lower()] then
    arguments:refuse(argument, "this field is made from the other arguments")
  elseif type(value) ~= "string" and type(value) ~= "number" then
    arguments:refuse(argument, "must be a string or a number, not %s", type(value))
  elseif tostring(value):find("[^\t -~\x80-\xff]") then
    arguments:refuse(argument, "must not contain a newline or other control characters")
  end
  local text = tostring(value):match("^%s*(.-)%s*$")
  return text == "" and name .. ";" or name .. ": " .. text
end

local function check_headers(request)
  local lines, has_type = {}, false
  for name, value in pairs(arguments:table(request, "headers")) do
    lines[#lines + 1] = header_line(name, value)
    has_type = has_type or name:lower() == "content-type"
  end
  table.sort(lines)
  if request.json ~= nil and not has_type then
    lines[#lines + 1] = "Content-Type: application/json"
  end
  return lines
end

local function check_body(request)
  local body = arguments:text(request, "body")
  if request.json == nil then
    return body
  elseif body then
    arguments:refuse("json", "cannot be sent together with body")
  end
  return taskq.json.encode(request.json)
end

local function check(request)
  arguments:check_fields(request, FIELDS, "{ url = \"https://api.example/\" }")
  return {
    url = arguments:line(request, "url") or arguments:refuse("url", "is missing"),
    method = check_method(request),
    headers = check_headers(request),
    body = check_body(request),
    timeout = arguments:integer(request, "timeout", 1, MAX_MS, 30000),
    connect_timeout = arguments:integer(request, "connect_timeout", 1, MAX_MS, 10000),
    max_redirects = arguments:integer(request, "max_redirects", 0, 100, 5),
    max_bytes = arguments:integer(request, "max_bytes", 0, MAX_BYTES, 10 * 1024 * 1024),
    ca = arguments:line(request, "ca"),
    proxy = arguments:line(request, "proxy"),
  }
end

--- The header fields of a response by their lower-case names; what is repeated is joined, but for
--- set-cookie, whose values contain commas.
local function read_headers(text)
  local headers, last = {}, nil
  for line in text:gmatch("[^\r\n]+") do
    local name, value = line:match("^([^%s:]+):[ \t]*(.-)[ \t]*$")
    if name then
      last = name:lower()
      if last == "set-cookie" then
        headers[last] = headers[last] or {}
        table.insert(headers[last], value)
      else
        headers[last] = headers[last] and headers[last] .. ", " .. value or value
      end
    elseif type(headers[last]) == "string" then -- an old-fashioned line that goes on
      headers[last] = headers[last] .. " " .. line:match("^%s*(.-)%s*$")
    end
  end
  return headers
end

local function fetch(request)
  local status, headers, body, url = core.fetch(check(request))
  if not status then
    return nil, headers, body -- message and code
  end
  return {
    status = status,
    headers = read_headers(headers),
    body = body,
    url = url,
    json = function()
      return taskq.json.decode(body)
    end,
  }
end

local function fetch_by(method, url, options)
  local request = {}
  for name, value in pairs(arguments:table({ options = options }, "options")) do
    request[name] = value
  end
  request.method, request.url = method, url
  return fetch(request)
end

--- As taskq.http, with method GET.
---@param url string
---@param options taskq.HttpRequest?
---@return taskq.HttpResponse?
---@return string? message
---@return integer? code
function M.get(url, options)
  return fetch_by("GET", url, options)
end

--- As taskq.http, with method POST.
---@param url string
---@param options taskq.HttpRequest?
---@return taskq.HttpResponse?
---@return string? message
---@return integer? code
function M.post(url, options)
  return fetch_by("POST", url, options)
end

return setmetatable(M, { __call = function(_, request) return fetch(request) end })
