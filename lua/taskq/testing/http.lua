--- What answers taskq.http in a test: lua/taskq/http.lua checks requests as in the worker, and the
--- stubs of testing.http stand for the network.

local clock = require "taskq.testing.clock"
local codec = require "taskq.testing.codec"
local stubs = require "taskq.testing.stubs"
local world = require "taskq.testing.world"

local M = {}

local TIMED_OUT, TOO_LARGE = 28, 63 -- libcurl's numbers

---@class taskq.testing.Request
---@field method string in capitals
---@field url string
---@field headers table<string, string> names in small letters
---@field body string?
---@field json any the body decoded, when it is sent as JSON
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

--- "Name: value" lines, or "Name;" for an empty value, by their names.
local function read_lines(lines)
  local headers = {}
  for _, line in ipairs(lines) do
    local name, value = line:match("^([^:;]+)[:;]%s*(.*)$")
    headers[name:lower()] = value
  end
  return headers
end

local function record(call)
  local request = {
    method = call.method, url = call.url, body = call.body, timeout = call.timeout,
    headers = read_lines(call.headers),
  }
  if request.body and (request.headers["content-type"] or ""):find("^application/json") then
    request.json = codec.decode(request.body)
  end
  table.insert(world.requests, request)
  return request
end

local function header_text(answer)
  local lines, has_type = {}, false
  for name, value in pairs(answer.headers or {}) do
    for _, item in ipairs(type(value) == "table" and value or { value }) do
      lines[#lines + 1] = ("%s: %s\r\n"):format(name, item)
    end
    has_type = has_type or name:lower() == "content-type"
  end
  if answer.json ~= nil and not has_type then
    lines[#lines + 1] = "Content-Type: application/json\r\n"
  end
  table.sort(lines)
  return table.concat(lines)
end

--- taskq.core.fetch
---@param call table as http.lua makes it
function M.fetch(call)
  clock.check_wait("taskq.http")
  local request = record(call)
  local answer, message, code = stubs.answer("http", request, nil,
    ("taskq.http: no stub answers %s %s; add testing.http(%q, %q, { status = 200 })"):format(
      request.method, request.url, request.method, request.url))
  local is_error, text, number = stubs.error_of(answer)
  if answer == nil or is_error then
    return nil, text or message, number or code
  end
  clock.wait("taskq.http", math.min(answer.delay or 0, request.timeout))
  if (answer.delay or 0) > request.timeout then
    return nil, ("http: no answer within %d ms"):format(request.timeout), TIMED_OUT
  end
  local body = answer.json ~= nil and codec.encode(answer.json) or answer.body or ""
  if #body > call.max_bytes then
    return nil, ("http: the response has more than %d bytes"):format(call.max_bytes), TOO_LARGE
  end
  return answer.status or 200, header_text(answer), body, answer.url or request.url
end

return M
