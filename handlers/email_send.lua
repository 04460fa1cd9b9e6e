--- "email:send": sends a mail made from a template.
---
--- payload: { to, template, subject?, ...variables }. templates/NAME.txt is the text, below a first
--- line "Subject: ..." and an empty one; templates/NAME.html beside it is optional. Both may say
--- {{variable}}.

local taskq = require "taskq"
local template = require "template"

local _, path = ...
local folder = path:match("^(.*)/") .. "/templates"

return {
  type = "email:send",
  timeout = 60000,
  handler = function(context)
    local payload = context.task.payload
    local found, problem = template.read(folder, payload.template)
    if not found then
      return { success = false, error = problem, discard = true }
    end
    local rendered = template.render(found, payload)

    local is_sent, detail, code = taskq.mail {
      to = payload.to,
      subject = payload.subject or rendered.subject,
      text = rendered.text,
      html = rendered.html,
    }
    if not is_sent then
      local is_refused_for_good = code and code >= 500 and code < 600
      return { success = false, error = detail, discard = is_refused_for_good }
    end
    return { sent = true, to = payload.to, file = detail }
  end,
}
