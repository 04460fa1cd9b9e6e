--- taskq.http: recorded, and answered by the stubs of testing.http.

local clock = require "taskq.testing.clock"
local codec = require "taskq.testing.codec"
local stubs = require "taskq.testing.stubs"
local world = require "taskq.testing.world"

local M = {}

local FIELDS = {
  url = "string", method = "string", headers = "table", body = "string", json = "any",
  timeout = "number", max_redirects = "number", max_bytes = "number", ca = "string",
  proxy = "string",
}
local DEFAULT_TIMEOUT_MS, DEFAULT_MAX_BYTES = 30000, 10 * 1024 * 1024
local TIMED_OUT, TOO_LARGE = 28, 63 -- libcurl's numbers

---@class taskq.testing.Request
---@field method string in capitals
---@field url string
---@field headers table<string, string> names in small letters
---@field body string?
---@field json any what the handler passed as json
---@field timeout number

--- Answers requests of a method ("*": any) to a URL, in which * stands for anything.
---@param method string
---@param url string
---@param ... any responses, { error = message, code = number }, or a function(request)
function M.stub(method, url, ...)
  stubs.add("http", function(request)
    return (method == "*" or request.method == method:upper())
      and stubs.matches_glob(request.url, url)
  end, ...)
end

local function check(options)
  if type(options) ~= "table" then
    error("taskq.http: a table expected, such as { url = \"https://api.example/\" }", 0)
  end
  for name, value in pairs(options) do
    local wanted = FIELDS[name]
    if not wanted then
      error(("taskq.http: %s: there is no such option"):format(tostring(name)), 0)
    elseif wanted ~= "any" and type(value) ~= wanted then
      error(("taskq.http: %s: must be a %s, not %s"):format(name, wanted, type(value)), 0)
    end
  end
  if not options.url then
    error("taskq.http: url: is missing", 0)
  end
end

local function lower_keys(headers)
  local lowered = {}
  for name, value in pairs(headers or {}) do
    lowered[name:lower()] = tostring(value)
  end
  return lowered
end

local function record(options)
  local request = {
    method = (options.method or "GET"):upper(), url = options.url, body = options.body,
    headers = lower_keys(options.headers), timeout = options.timeout or DEFAULT_TIMEOUT_MS,
    json = options.json,
  }
  if options.json ~= nil then
    request.body = codec.encode(options.json)
    request.headers["content-type"] = request.headers["content-type"] or "application/json"
  end
  table.insert(world.requests, request)
  return request
end

local function response_of(answer, request)
  local body = answer.body or ""
  local headers = lower_keys(answer.headers)
  if answer.json ~= nil then
    body = codec.encode(answer.json)
    headers["content-type"] = headers["content-type"] or "application/json"
  end
  return {
    status = answer.status or 200, headers = headers, body = body, url = answer.url or request.url,
    json = function() return codec.decode(body) end,
  }
end

local function run(options)
  check(options)
  clock.check_wait("taskq.http")
  local request = record(options)
  local answer, message, code = stubs.answer("http", request, nil,
    ("taskq.http: no stub answers %s %s; add testing.http(%q, %q, { status = 200 })"):format(
      request.method, request.url, request.method, request.url))
  local is_error, text, number = stubs.error_of(answer)
  if answer == nil or is_error then
    return nil, text or message, number or code
  end
  clock.wait("taskq.http", math.min(answer.delay or 0, request.timeout))
  if (answer.delay or 0) > request.timeout then
    return nil, ("no answer within %d ms"):format(request.timeout), TIMED_OUT
  end
  local response = response_of(answer, request)
  if #response.body > (options.max_bytes or DEFAULT_MAX_BYTES) then
    return nil, "the response is larger than max_bytes", TOO_LARGE
  end
  return response
end

local function with_method(method)
  return function(url, options)
    local copy = { url = url, method = method }
    for name, value in pairs(options or {}) do
      copy[name] = value
    end
    return run(copy)
  end
end

--- taskq.http
M.module = setmetatable({ get = with_method("GET"), post = with_method("POST") }, {
  __call = function(_, options) return run(options) end,
})

return M
