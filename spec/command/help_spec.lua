--- The words of the command line: help, version, and what it says to wrong arguments.

local taskq = require "support.taskq"

local COMMANDS = {
  "migrate", "worker", "enqueue", "stats", "list", "show", "cancel", "retry", "cleanup", "version",
  "help",
}

describe("taskq help", function()
  it("lists the commands, without the hidden ones", function()
    local result = taskq.run({ "help" })

    assert.equal(0, result.code)
    for _, name in ipairs(COMMANDS) do
      assert.matches("\n  " .. name .. " +%w", result.out)
    end
    assert.not_matches("keeper", result.out)
    assert.equal("", result.err)
  end)

  it("is what --help prints too", function()
    assert.equal(taskq.run({ "help" }).out, taskq.run({ "--help" }).out)
  end)

  for _, name in ipairs(COMMANDS) do
    it(("explains %s, with --help anywhere too"):format(name), function()
      local result = taskq.run({ "help", name })

      assert.equal(0, result.code)
      assert.matches("\nusage: taskq " .. name, result.out)
      assert.matches("\n  %-%-database URL +%w.* %[DATABASE_URL%]\n", result.out)
      assert.equal(result.out, taskq.run({ name, "--help" }).out)
      assert.equal(result.out, taskq.run({ name, "--no-such-option", "--help" }).out)
    end)
  end

  it("shows defaults and variables", function()
    local result = taskq.run({ "help", "worker" })

    assert.matches("%-%-concurrency N +[^\n]*%(default 5%) %[JOB_CONCURRENCY%]", result.out)
    assert.matches("%-%-task%-timeout DURATION +[^\n]*%(default 300000%) %[JOB_TIMEOUT%]",
      result.out)
  end)

  it("lists the exit codes", function()
    local result = taskq.run({ "help", "exit-codes" })

    assert.matches("^0  done\n1  .*\n4  the schema [^\n]+\n", result.out)
  end)
end)

describe("docs/command-line.md", function()
  local text = require("support.folder").read("docs/command-line.md")

  for _, name in ipairs(COMMANDS) do
    it("has every option of " .. name, function()
      local help = taskq.run({ "help", name }).out

      assert(text:find("\n## taskq " .. name .. "\n", 1, true))
      for option in help:gmatch("\n  (%-%-%S+)") do
        assert(text:find("\n| `" .. option:gsub("%-", "%%-") .. "[` ]"), option .. " is missing")
      end
    end)
  end

  it("has every exit code", function()
    for code, meaning in taskq.run({ "help", "exit-codes" }).out:gmatch("(%d)  ([^\n]+)\n") do
      assert(text:find(("\n| %s | %s |"):format(code, meaning), 1, true), code .. " is missing")
    end
  end)
end)

describe("taskq", function()
  -- What it says on stderr, and with which code, to these arguments.
  local function refuses(arguments, message, env)
    local result = taskq.run(arguments, { env = env })

    assert.equal(2, result.code)
    assert.equal("taskq: " .. message .. "\n", result.err)
    assert.equal("", result.out)
  end

  it("without a command shows the list on stderr", function()
    local result = taskq.run({})

    assert.equal(2, result.code)
    assert.equal("", result.out)
    assert.equal(taskq.run({ "help" }).out, result.err)
  end)

  it("guesses what a misspelled command was meant to be", function()
    refuses({ "enqeue", "a" }, "there is no command `enqeue`; did you mean `taskq enqueue`?")
    refuses({ "help", "stat" }, "there is no command `stat`; did you mean `taskq stats`?")
  end)

  it("refuses a command that is like no other", function()
    refuses({ "frobnicate" }, "there is no command `frobnicate`; `taskq help` lists them")
  end)

  it("wants the command first", function()
    refuses({ "--json", "stats" },
      "the command comes first: taskq COMMAND [options]; `taskq help` lists them")
  end)

  it("takes no name for a database, and does not repeat what may hold a password", function()
    for _, text in ipairs { "shop", "mysql://ada:secret@db/shop?ssl=1", "postgres" } do
      refuses({ "stats", "--database", text },
        "--database or DATABASE_URL is neither a URL, such as postgresql://user@host/name, "
          .. "nor pairs, such as host=/tmp dbname=name")
    end
  end)

  it("names the argument that is wrong", function()
    refuses({ "stats", "--jsn" }, "there is no option --jsn; did you mean --json?")
    refuses({ "stats", "--colour" }, "there is no option --colour; see --help")
    refuses({ "check", "--handlers=" }, "--handlers needs a value: --handlers DIR")
    refuses({ "stats", "extra" },
      'there is an argument too many: "extra"; see `taskq stats --help`')
    refuses({ "stats", "--log-level", "loud" },
      '--log-level: "loud" is none of debug, info, warn, error')
    refuses({ "stats", "--log-format=xml" }, '--log-format: "xml" is none of text, json, pretty')
    refuses({ "worker", "--concurrency", "0" },
      "--concurrency: 0 is out of range, it must be 1 to 100000")
    refuses({ "worker", "--poll-interval", "soon" }, '--poll-interval: "soon" is not a duration: '
      .. "milliseconds, or a number with ms, s, m, h or d")
    refuses({ "worker", "--until-empty", "--until-idle" },
      "--until-empty and --until-idle exclude each other")
  end)

  it("names the variable that is wrong", function()
    refuses({ "worker" }, 'JOB_CONCURRENCY: "many" is not a whole number',
      { JOB_CONCURRENCY = "many" })
    refuses({ "worker" }, "JOB_TIMEOUT: 0 is out of range, it must be 1ms to 30d",
      { JOB_TIMEOUT = "0" })
  end)
end)

describe("taskq version", function()
  it("tells its parts", function()
    local result = taskq.run({ "version" })

    assert.equal(0, result.code)
    assert.matches("^taskq %d+%.%d+%.%d+\nschema %d+\nLua 5%.4%.%d+\nlibpq %d+%.%d+\nlibuv %d+%.",
      result.out)
    assert.equal(result.out, taskq.run({ "--version" }).out)
  end)

  it("tells them as JSON", function()
    local result = taskq.run({ "version", "--json" })

    assert.matches('^{"taskq":"[%d.]+","schema":%d+,"lua":"[%d.]+","libpq":"[%d.]+",'
      .. '"libuv":"[%d.]+"}\n$', result.out)
  end)
end)

describe("the command line", function()
  it("takes no short options for arguments", function()
    local result = taskq.run({ "enqueue", "-h" })

    assert.equal(2, result.code)
    assert.matches("there is no option %-h; see %-%-help", result.err)
  end)
end)
