--- Building a mail message (RFC 5322) from a table; everything that is wrong with it is raised.

local arguments = require("taskq.arguments")("taskq.mail")
local core = require "taskq.core"
local address = require "taskq.address"
local mime = require "taskq.mime"

local M = {}

---@class taskq.Mail
---@field from? string "ada@mail.example" or "Ada <ada@mail.example>"; default: MAIL_FROM
---@field to? string|string[] at least one of to, cc and bcc
---@field cc? string|string[]
---@field bcc? string|string[] these receive it, and the message does not say so
---@field reply_to? string|string[]
---@field subject? string
---@field text? string UTF-8; at least one of text and html
---@field html? string UTF-8
---@field headers? table<string, string> further header fields
---@field timeout? number milliseconds; default 30000

---@class taskq.Message
---@field from string a bare address
---@field recipients string[] bare addresses, each once
---@field text string lines end with CRLF

local FIELDS = {
  "to", "subject", "text", "html", "from", "cc", "bcc", "reply_to", "headers", "timeout",
}

-- Header fields that the message has by its other arguments.
local OWN_HEADERS = {
  from = true, to = true, cc = true, bcc = true, ["reply-to"] = true, subject = true,
  ["mime-version"] = true,
}

local MAX_MS = 1e9

local check_line = address.check_line

local function check_headers(headers)
  local own, names = {}, {}
  for name, value in pairs(headers) do
    local argument = ("headers[%q]"):format(tostring(name))
    local lower = tostring(name):lower()
    if type(name) ~= "string" or not name:find("^[!-9;-~]+$") then
      arguments:refuse(argument, "is no name of a header field")
    elseif OWN_HEADERS[lower] or lower:find("^content%-") then
      arguments:refuse(argument, "this field is made from the other arguments")
    end
    own[lower] = check_line(argument, value)
    names[#names + 1] = name
  end
  table.sort(names)
  return own, names
end

local function random_name()
  return ("%x.%s"):format(os.time(), core.random_name())
end

local function body_part(kind, text)
  return ("Content-Type: text/%s; charset=utf-8\r\n"):format(kind)
    .. "Content-Transfer-Encoding: quoted-printable\r\n\r\n" .. mime.quoted_printable(text)
end

--- The header fields about the body, and the body. A line of quoted-printable never has "=_".
local function body_of(mail)
  if not (mail.text and mail.html) then
    return mail.text and body_part("plain", mail.text) or body_part("html", mail.html)
  end
  local boundary = "=_" .. random_name()
  return ('Content-Type: multipart/alternative; boundary="%s"\r\n\r\n'):format(boundary)
    .. "--" .. boundary .. "\r\n" .. body_part("plain", mail.text)
    .. "\r\n--" .. boundary .. "\r\n" .. body_part("html", mail.html)
    .. "\r\n--" .. boundary .. "--\r\n"
end

local function check_body(mail)
  for _, argument in ipairs { "text", "html" } do
    local value = arguments:text(mail, argument)
    if value and not utf8.len(value) then
      arguments:refuse(argument, "must be UTF-8")
    end
  end
  if not (mail.text or mail.html) then
    arguments:refuse("text", "is missing; a mail has text, html or both")
  end
end

--- Builds the message; `default_from` is the sender when the mail names none.
---@param mail taskq.Mail
---@param default_from string?
---@return taskq.Message
function M.build(mail, default_from)
  arguments:check_fields(mail, FIELDS, "{ to = ..., subject = ..., text = ... }")
  arguments:integer(mail, "timeout", 1, MAX_MS)
  check_body(mail)
  local from = address.parse("from", mail.from or default_from
    or arguments:refuse("from", "is missing; give it, or set MAIL_FROM"))
  local to, cc = address.parse_list("to", mail.to), address.parse_list("cc", mail.cc)
  local reply_to = address.parse_list("reply_to", mail.reply_to)
  local recipients = address.union { to, cc, address.parse_list("bcc", mail.bcc) }
  if #recipients == 0 then
    arguments:refuse("to", "is missing; a mail has at least one recipient")
  end
  local headers, names = check_headers(arguments:table(mail, "headers"))
  local id = ("<%s@%s>"):format(random_name(), from.address:match("@(.*)$"))
  local parts = {
    address.field("From", { from }),
    #to > 0 and address.field("To", to) or #cc > 0 and "" or "To: undisclosed-recipients:;\r\n",
    #cc > 0 and address.field("Cc", cc) or "",
    #reply_to > 0 and address.field("Reply-To", reply_to) or "",
    mime.text_field("Subject", check_line("subject", mail.subject or "")),
    headers["date"] and "" or os.date("!Date: %a, %d %b %Y %H:%M:%S +0000\r\n"),
    headers["message-id"] and "" or "Message-ID: " .. id .. "\r\n",
    "MIME-Version: 1.0\r\n",
  }
  for _, name in ipairs(names) do
    parts[#parts + 1] = mime.text_field(name, headers[name:lower()])
  end
  parts[#parts + 1] = body_of(mail)
  return { from = from.address, recipients = recipients, text = table.concat(parts) }
end

return M
