--- The sample handler "email:send".

local folder = require "support.folder"
local handler_file = require "support.handler"

local ADA = { to = "ada@mail.example", template = "welcome", name = "Ada & Co", plan = "free" }

describe("email:send", function()
  local handlers, taskq, run

  before_each(function()
    handlers = handler_file.copy("handlers")
    local handler
    handler, taskq, run = handler_file.load(handlers .. "/email_send.lua")
    assert.equal("email:send", handler.type)
  end)

  local function write_template(name, text)
    folder.write(handlers .. "/templates/" .. name, text)
  end

  it("renders text, HTML and subject", function()
    local result = run(ADA)

    assert.same({ sent = true, to = "ada@mail.example" }, result)
    local mail = taskq.mails[1]
    assert.equal("ada@mail.example", mail.to)
    assert.equal("Welcome to Lantern, Ada & Co", mail.subject)
    assert.equal("Hello Ada & Co,\n", mail.text:match("^[^\n]*\n"))
    assert.is_string(mail.html:match("<p>Hello Ada &amp; Co,</p>"))
    assert.is_nil((mail.text .. mail.html):find("{{", 1, true))
  end)

  it("takes the subject of the payload first", function()
    write_template("note.txt", "Subject: no\n\n{{ n }} of {{price}}\n")

    run { to = "a@mail.example", template = "note", subject = "yes", n = 3, price = 0.5 }

    assert.same({ to = "a@mail.example", subject = "yes", text = "3 of 0.5\n" }, taskq.mails[1])
  end)

  it("names where the mail was written", function()
    taskq.mail_reply = { true, "outbox/1.eml" }

    assert.equal("outbox/1.eml", run(ADA).file)
  end)

  it("gives up when there is no such template", function()
    for _, name in ipairs { "none", "../email_send", "", 7, false } do
      local outcome = run { to = "a@mail.example", template = name }

      assert.is_false(outcome.success)
      assert.is_true(outcome.discard)
      assert.is_string(outcome.error:match("^template: "))
    end
    assert.is_true(run({ to = "a@mail.example" }).discard)
    assert.same({}, taskq.mails)
  end)

  it("gives up when the template has no subject", function()
    write_template("bad.txt", "Hello\n")

    local outcome = run { to = "a@mail.example", template = "bad" }

    assert.is_true(outcome.discard)
    assert.is_string(outcome.error:match("templates/bad%.txt: must begin"))
  end)

  it("fails when a variable is missing, and names it", function()
    assert.has_error(function()
      run { to = "a@mail.example", template = "welcome", name = "Ada" }
    end, "template welcome: the variable plan is missing")
    assert.same({}, taskq.mails)
  end)

  it("retries what the server refuses for now, not what it refuses for good", function()
    for code, is_discarded in pairs {
      [450] = false, [421] = false, [550] = true, [28] = false, [67] = false,
    } do
      taskq.mail_reply = { nil, "refused", code }

      local outcome = run(ADA)

      assert.is_false(outcome.success)
      assert.equal("refused", outcome.error)
      assert.equal(is_discarded, outcome.discard or false)
    end
  end)

  it("has templates that all render", function()
    local variables = setmetatable({ to = "a@mail.example" }, { __index = function(_, name)
      return name ~= "subject" and "<" .. name .. ">" or nil
    end })
    for _, name in ipairs { "welcome", "invoice", "password_reset" } do
      variables.template = name
      assert.is_true(run(variables).sent)
      assert.is_true(#taskq.mails[#taskq.mails].subject > 5)
    end
  end)
end)
