--- Sends mail: to the server that SMTP_URL names, or without one into a folder, as .eml files.

local core = require "taskq.core"
local file = require "taskq.file"
local message = require "taskq.message"

---@alias taskq.mail fun(mail: taskq.Mail): true?, string?, integer?

local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local function put_into_outbox(built)
  local folder = environment("MAIL_OUTBOX") or "outbox"
  local name = os.date("!%Y%m%dT%H%M%SZ") .. "-" .. core.random_name() .. ".eml"
  local path = folder .. "/" .. name
  local is_written, problem, code = file.write(path, built.text)
  if not is_written then
    return nil, problem, code
  end
  return true, path
end

--- Sends one mail to all of its recipients or to none, and returns true; in the second place the
--- path of the .eml file, when SMTP_URL is not set. Else nil, a message and a code: 500 to 599 is a
--- server that refuses this mail for good, 400 to 499 one that refuses it for now, everything else
--- is no answer to the mail (no connection, a refused login, a timeout). Raises on arguments that
--- make no mail. The handler is suspended meanwhile.
---@param mail taskq.Mail
---@return true?
---@return string? message
---@return integer? code
return function(mail)
  local url = environment("SMTP_URL")
  local from = environment("MAIL_FROM") or (not url and "taskq@localhost" or nil)
  local built = message.build(mail, from)
  if not url then
    return put_into_outbox(built)
  end
  return core.send_mail {
    url = url,
    from = built.from,
    recipients = built.recipients,
    message = built.text,
    timeout = mail.timeout,
  }
end
