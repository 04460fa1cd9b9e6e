--- Mail templates: plain text with {{variable}} in it.

local M = {}

---@class Template
---@field name string
---@field subject string
---@field text string
---@field html string?

local HTML = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function read_file(path)
  local file <close> = io.open(path)
  return file and file:read("a")
end

--- Reads NAME.txt, and NAME.html when there is one.
---@param folder string
---@param name any
---@return Template?
---@return string? message
function M.read(folder, name)
  if type(name) ~= "string" or not name:find("^[%w_-]+$") then
    return nil, ("template: %s is not the name of a template"):format(tostring(name))
  end
  local base = folder .. "/" .. name
  local text = read_file(base .. ".txt")
  if not text then
    return nil, ("template: there is no %s.txt"):format(base)
  end
  local subject, body = text:match("^Subject: ([^\n]*)\n\n(.*)$")
  if not subject then
    return nil, ("%s.txt: must begin with a line \"Subject: ...\" and an empty line"):format(base)
  end
  return { name = name, subject = subject, text = body, html = read_file(base .. ".html") }
end

local function fill(template, text, variables, escape)
  return (text:gsub("{{%s*([%w_]+)%s*}}", function(name)
    local value = variables[name]
    if type(value) ~= "string" and type(value) ~= "number" then
      error(("template %s: the variable %s is missing"):format(template.name, name), 0)
    end
    return escape and tostring(value):gsub("[&<>\"']", HTML) or tostring(value)
  end))
end

--- Fills in the variables, escaped in HTML. Raises on one that is missing.
---@param template Template
---@param variables table<string, any>
---@return { subject: string, text: string, html: string? }
function M.render(template, variables)
  return {
    subject = fill(template, template.subject, variables),
    text = fill(template, template.text, variables),
    html = template.html and fill(template, template.html, variables, true),
  }
end

return M
