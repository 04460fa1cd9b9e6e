--- taskq.mail: the messages it builds, as Python's parser reads them, and where they go.

local cjson = require "cjson"
local uv = require "luv"
local folder = require "support.folder"
local process = require "support.process"

local MODULES = { "address", "arguments", "core", "file", "mail", "message", "mime" }

-- Reads a message from its file and prints what is in it as JSON.
local PARSER = [[
import email, email.policy, json, sys
from email.header import decode_header, make_header
from email.utils import getaddresses
source = open(sys.argv[1], "rb").read()
message = email.message_from_bytes(source, policy=email.policy.default)
raw = email.message_from_bytes(source)
def addresses(name):
    pairs = getaddresses(raw.get_all(name, []))
    return [[str(make_header(decode_header(name))), address] for name, address in pairs]
def body(kind):
    part = message.get_body((kind,))
    return part.get_content().replace("\r\n", "\n") if part else None
print(json.dumps({
    "from": addresses("From"), "to": addresses("To"), "cc": addresses("Cc"),
    "reply_to": addresses("Reply-To"), "subject": message["Subject"],
    "headers": {name: str(value) for name, value in message.items()},
    "type": message.get_content_type(), "date": message["Date"].datetime.timestamp(),
    "text": body("plain"), "html": body("html"),
    "defects": [str(d) for part in message.walk() for d in part.defects],
}))
]]

local function parse(text)
  local path = folder.new() .. "/message.eml"
  folder.write(path, text)
  local result = process.run({ "python3", "-c", PARSER, path })
  assert.equal(0, result.code, result.err)
  local parsed = cjson.decode(result.out)
  assert.same({}, parsed.defects)
  return parsed
end

describe("taskq.mail", function()
  local mail, letters, reply

  local function set(name, value)
    if value then
      uv.os_setenv(name, value)
    else
      uv.os_unsetenv(name)
    end
  end

  before_each(function()
    letters, reply = {}, { true }
    for _, name in ipairs(MODULES) do
      package.loaded["taskq." .. name] = nil
    end
    package.loaded["taskq.core"] = {
      send_mail = function(letter)
        letters[#letters + 1] = letter
        return table.unpack(reply)
      end,
      random_name = function()
        return ("%016x"):format(math.random(0))
      end,
      refuse = function(text) error(text, 0) end,
      hint = function(_, known) return known[2] end,
      make_folder = function(path)
        if uv.fs_stat(path) then
          return true
        end
        return uv.fs_mkdir(path, tonumber("755", 8))
      end,
    }
    set("SMTP_URL", "smtp://mail.example")
    set("MAIL_FROM", "taskq@mail.example")
    set("MAIL_OUTBOX", nil)
    mail = require "taskq.mail"
  end)

  teardown(function()
    for _, name in ipairs { "SMTP_URL", "MAIL_FROM", "MAIL_OUTBOX" } do
      set(name, nil)
    end
    for _, name in ipairs(MODULES) do
      package.loaded["taskq." .. name] = nil
    end
  end)

  local function sent(fields)
    fields.to = fields.to or "ada@mail.example"
    fields.text = fields.text or (not fields.html and "hello" or nil)
    assert(mail(fields))
    return parse(letters[#letters].message), letters[#letters]
  end

  describe("the message", function()
    it("has its fields and an ASCII text", function()
      local before = os.time()
      local parsed = sent {
        from = "Bob <bob@mail.example>",
        to = { "Ada Lovelace <ada@mail.example>", "c@mail.example" },
        cc = '"Doe, \\"Jane\\"" <jane@mail.example>', reply_to = "help@mail.example",
        subject = "Hello there", text = "one\ntwo\n", headers = { ["X-Tag"] = "a b" },
      }

      assert.same({ { "Bob", "bob@mail.example" } }, parsed.from)
      assert.same({ { "Ada Lovelace", "ada@mail.example" }, { "", "c@mail.example" } }, parsed.to)
      assert.same({ { 'Doe, "Jane"', "jane@mail.example" } }, parsed.cc)
      assert.same({ { "", "help@mail.example" } }, parsed.reply_to)
      assert.equal("Hello there", parsed.subject)
      assert.equal("text/plain", parsed.type)
      assert.equal("one\ntwo\n", parsed.text)
      assert.equal("a b", parsed.headers["X-Tag"])
      assert.is_true(before <= parsed.date and parsed.date <= os.time(), parsed.date)
    end)

    it("carries every language", function()
      local name = "Ünal Østergård, 日本語の長い名前がここにあります"
      local subject = ("Grüße 日本語 =?not?= an encoded word "):rep(8):sub(1, -2)
      local text = ("línea = más larga 日本語 "):rep(30) .. "\n\ttab \n.\n..x\nFrom here\n"
      local parsed = sent { to = name .. " <u@mail.example>", subject = subject, text = text,
        html = "<p>日本語</p>\n" }

      assert.same({ { name, "u@mail.example" } }, parsed.to)
      assert.equal(subject, parsed.subject)
      assert.equal("multipart/alternative", parsed.type)
      assert.equal(text, parsed.text)
      assert.equal("<p>日本語</p>\n", parsed.html)
    end)

    it("keeps its lines short, with CRLF", function()
      local many = {}
      for i = 1, 50 do
        many[i] = ("Person %d <person.%d@mail.example>"):format(i, i)
      end
      local parsed, letter = sent { to = many, subject = ("word "):rep(100) .. "end",
        text = ("x"):rep(1000) .. "é" .. ("="):rep(200) .. "\r\nunix\nmac\rend" }

      assert.equal(50, #parsed.to)
      assert.equal(("word "):rep(100) .. "end", parsed.subject)
      assert.equal(("x"):rep(1000) .. "é" .. ("="):rep(200) .. "\nunix\nmac\nend\n", parsed.text)
      assert.is_nil(letter.message:gsub("\r\n", ""):find("[\r\n]"))
      for line in letter.message:gmatch("[^\r\n]+") do
        assert.is_true(#line <= 78, line)
        assert.is_nil(line:find("[^ -~\t]"), line)
      end
    end)

    it("may be HTML alone", function()
      local parsed = sent { html = "<p>hi</p>" }

      assert.equal("text/html", parsed.type)
      assert.equal("<p>hi</p>\n", parsed.html)
    end)

    it("has an id of its own", function()
      local seen = {}
      for _ = 1, 100 do
        assert(mail { to = "ada@mail.example", text = "hello" })
        local id = letters[#letters].message:match("\r\nMessage%-ID: (<[%w.]+@mail.example>)\r\n")
        assert.is_string(id)
        assert.is_nil(seen[id])
        seen[id] = true
      end
    end)

    it("takes an id and a date that are given", function()
      local parsed = sent { headers = {
        ["Message-Id"] = "<task-7@mail.example>", Date = "Tue, 24 Nov 2026 09:30:00 +0545",
      } }

      assert.equal("<task-7@mail.example>", parsed.headers["Message-Id"])
      assert.is_nil(parsed.headers["Message-ID"])
      assert.equal(1795491900, parsed.date)
    end)
  end)

  describe("the envelope", function()
    it("has each recipient once, and the blind ones only here", function()
      local parsed, letter = sent {
        from = "Bob <bob@mail.example>", to = { "Ada <ada@mail.example>", "c@mail.example" },
        cc = "ada@mail.example", bcc = { "eve@mail.example" }, timeout = 5,
      }

      assert.equal("bob@mail.example", letter.from)
      assert.same({ "ada@mail.example", "c@mail.example", "eve@mail.example" }, letter.recipients)
      assert.equal("smtp://mail.example", letter.url)
      assert.equal(5, letter.timeout)
      assert.is_nil(letter.message:find("eve", 1, true))
      assert.is_nil(parsed.headers.Bcc)
    end)

    it("may be all that knows the recipients", function()
      assert(mail { bcc = "eve@mail.example", text = "hello" })

      assert.same({ "eve@mail.example" }, letters[1].recipients)
      assert.is_string(letters[1].message:match("\r\nTo: undisclosed%-recipients:;\r\n"))
    end)

    it("takes the sender from MAIL_FROM", function()
      set("MAIL_FROM", "Task Queue <queue@mail.example>")

      local parsed, letter = sent {}

      assert.same({ { "Task Queue", "queue@mail.example" } }, parsed.from)
      assert.equal("queue@mail.example", letter.from)
    end)
  end)

  it("passes on what the server says", function()
    reply = { nil, "mail.example:25 refused it: 550 no", 550 }

    local is_sent, message, code = mail { to = "ada@mail.example", text = "hello" }

    assert.is_nil(is_sent)
    assert.equal("mail.example:25 refused it: 550 no", message)
    assert.equal(550, code)
  end)

  describe("without SMTP_URL", function()
    it("writes the message into the outbox", function()
      local outbox = folder.new() .. "/out"
      set("SMTP_URL", nil)
      set("MAIL_FROM", nil)
      set("MAIL_OUTBOX", outbox)

      local is_sent, path = mail { to = "ada@mail.example", subject = "Hi", text = "hello" }

      assert.is_true(is_sent)
      assert.equal(outbox, path:match("^(.*)/[^/]*%.eml$"))
      local parsed = parse(folder.read(path))
      assert.equal("Hi", parsed.subject)
      assert.same({ { "", "taskq@localhost" } }, parsed.from)
      local names = {}
      for name in uv.fs_scandir_next, uv.fs_scandir(outbox) do
        names[#names + 1] = name
      end
      assert.equal(1, #names)
      assert.same({}, letters)
    end)

    it("says why it could not", function()
      local file = folder.new() .. "/file"
      folder.write(file, "")
      set("SMTP_URL", "")
      set("MAIL_OUTBOX", file)

      local is_sent, message = mail { to = "ada@mail.example", text = "hello" }

      assert.is_nil(is_sent)
      assert.is_string(message)
    end)
  end)

  describe("refuses", function()
    local function refused(expected, fields)
      fields.to = fields.to or "ada@mail.example"
      fields.text = fields.text or "hello"
      local is_fine, message = pcall(mail, fields)
      assert.is_false(is_fine)
      assert.equal("taskq.mail: " .. expected, message:sub(1, #expected + 12))
      assert.same({}, letters)
    end

    it("what is no address, by the name of its argument", function()
      for _, bad in ipairs { "", "ada", "ada@", "@mail.example", "a b@mail.example", "a@b@c",
        "ada@mail..example", ".ada@mail.example", "a..b@mail.example", "ada@-mail.example",
        "ada@mail.example, bob@mail.example", "<ada@mail.example", "Ada <ada>", "ädä@mail.example",
        "Ada <ada@mail.example> x" } do
        refused("to: ", { to = bad })
        refused("cc[2]: ", { cc = { "ok@mail.example", bad } })
        refused("from: ", { from = bad })
        refused("reply_to: ", { reply_to = bad })
      end
      refused("bcc: must be a string, not number", { bcc = 7 })
    end)

    it("a mail without recipient, text or sender", function()
      refused("to: is missing", { to = {} })
      assert.is_false(pcall(mail, { to = "ada@mail.example" }))
      set("MAIL_FROM", nil)
      refused("from: is missing", {})
    end)

    it("newlines in header fields", function()
      for _, newline in ipairs { "\n", "\r", "\r\n" } do
        local injected = "hi" .. newline .. "Bcc: eve@mail.example"
        refused("subject: must not contain a newline", { subject = injected })
        refused("to: must not", { to = "Ada" .. newline .. " <ada@mail.example>" })
        refused('headers["X-Tag"]: must not', { headers = { ["X-Tag"] = injected } })
        refused("headers[", { headers = { [injected] = "x" } })
      end
    end)

    it("header fields that are arguments, and no text", function()
      refused('headers["Bcc"]: this field', { headers = { Bcc = "eve@mail.example" } })
      refused('headers["content-type"]: this field', { headers = { ["content-type"] = "x" } })
      refused('headers["X Y"]: is no name', { headers = { ["X Y"] = "x" } })
      refused("headers: must be a table", { headers = "X: y" })
    end)

    it("bytes that are no UTF-8, and arguments that it does not know", function()
      refused("subject: must be UTF-8", { subject = "\xff" })
      refused("subject: must be UTF-8", { subject = "a\0b" })
      refused("text: must be UTF-8", { text = "\xff" })
      refused("html: must be a string, not number", { html = 7 })
      refused('subjet: there is no such argument (did you mean "subject"?)', { subjet = "hi" })
      assert.is_false(pcall(mail))
    end)
  end)
end)
