--- "email:send": run by `taskq test`.

local testing = require "taskq.testing"
local template = require "template"

local TEMPLATES = { "welcome", "invoice", "password_reset" }

local function ada(changes)
  local payload = { to = "ada@mail.example", template = "welcome", name = "Ada & Co" }
  payload.plan = "free"
  for name, value in pairs(changes or {}) do
    payload[name] = value
  end
  return payload
end

--- Every variable of a template, each with a value.
local function variables_of(name)
  local found = {}
  local folder = testing.handlers_folder() .. "/templates"
  local read = assert(template.read(folder, name))
  for text in (read.subject .. read.text .. (read.html or "")):gmatch("{{%s*([%w_]+)%s*}}") do
    found[text] = "<" .. text .. ">"
  end
  return found
end

describe("email:send", function()
  before_each(testing.reset)

  it("renders text, HTML and subject", function()
    local outcome = testing.run("email:send", ada())

    assert.same({ sent = true, to = "ada@mail.example" }, outcome.result, outcome.error)
    local mail = testing.mails[1]
    assert.equal("ada@mail.example", mail.to)
    assert.equal("Welcome to Lantern, Ada & Co", mail.subject)
    assert.equal("Hello Ada & Co,\n", mail.text:match("^[^\n]*\n"))
    assert.is_string(mail.html:match("<p>Hello Ada &amp; Co,</p>"))
    assert.is_nil((mail.text .. mail.html):find("{{", 1, true))
  end)

  it("takes the subject of the payload first", function()
    testing.run("email:send", ada { subject = "yes" })

    assert.equal("yes", testing.mails[1].subject)
  end)

  it("names where the mail was written", function()
    testing.mail(function() return true, "outbox/1.eml" end)

    assert.equal("outbox/1.eml", testing.run("email:send", ada()).result.file)
  end)

  it("gives up when there is no such template", function()
    for _, name in ipairs { "none", "../email_send", "", 7, false } do
      local outcome = testing.run("email:send", ada { template = name })

      assert.equal("failed", outcome.status)
      assert.matches("^template: ", outcome.error)
    end
    assert.equal("failed", testing.run("email:send", { to = "a@mail.example" }).status)
    assert.same({}, testing.mails)
  end)

  it("fails when a variable is missing, and names it", function()
    local outcome = testing.run("email:send", { to = "a@mail.example", template = "welcome" })

    assert.equal("pending", outcome.status)
    assert.matches("template welcome: the variable %w+ is missing", outcome.error)
    assert.same({}, testing.mails)
  end)

  it("retries what the server refuses for now, not what it refuses for good", function()
    for code, status in pairs {
      [450] = "pending", [421] = "pending", [550] = "failed", [28] = "pending", [67] = "pending",
    } do
      testing.mail({ error = "refused", code = code })

      local outcome = testing.run("email:send", ada())

      assert.equal("refused", outcome.error)
      assert.equal(status, outcome.status, code)
    end
  end)

  it("sends the mail once the server takes it", function()
    testing.mail({ error = "try later", code = 450 }, true)
    testing.enqueue { type = "email:send", payload = ada() }

    local outcomes = testing.drain()

    assert.equal(2, #outcomes)
    assert.equal("completed", outcomes[2].status)
  end)

  it("has templates that all render", function()
    for _, name in ipairs(TEMPLATES) do
      local payload = variables_of(name)
      payload.to, payload.template = "a@mail.example", name

      local outcome = testing.run("email:send", payload)

      assert.equal("completed", outcome.status, outcome.error)
      assert.is_true(#testing.mails[#testing.mails].subject > 5)
    end
  end)
end)

describe("a template", function()
  local path

  before_each(function() path = os.tmpname() end) -- which makes the file

  after_each(function()
    os.remove(path)
    os.remove(path .. ".txt")
  end)

  local function read(text)
    local file = assert(io.open(path .. ".txt", "w"))
    assert(file:write(text))
    file:close()
    return template.read(path:match("^(.*)/([^/]*)$"))
  end

  it("may use numbers and spaces", function()
    local rendered = template.render(read("Subject: n\n\n{{ n }} of {{price}}\n"),
      { n = 3, price = 0.5 })

    assert.same({ subject = "n", text = "3 of 0.5\n" }, rendered)
  end)

  it("must begin with a subject", function()
    local found, problem = read("Hello\n")

    assert.is_nil(found)
    assert.matches("%.txt: must begin with a line", problem)
  end)
end)
