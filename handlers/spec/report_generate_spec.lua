--- "report:generate": run by `taskq test`.

local testing = require "taskq.testing"

describe("report:generate", function()
  local reports = os.getenv("REPORTS_DIR") or "reports"
  local source

  before_each(function()
    testing.reset()
    source = os.tmpname()
  end)

  after_each(function() os.remove(source) end)

  local function report(csv, more)
    local file = assert(io.open(source, "w"))
    assert(file:write(csv))
    file:close()
    local payload = { source = source, group_by = "region", sum = "amount" }
    for key, value in pairs(more or {}) do
      payload[key] = value
    end
    return testing.run("report:generate", payload)
  end

  local function fails(expected, csv, more)
    local outcome = report(csv, more)
    assert.equal("pending", outcome.status)
    assert.equal((expected:gsub("SOURCE", (source:gsub("%%", "%%%%")))), outcome.error)
    assert.same({}, testing.files)
  end

  it("sums by group and writes Markdown", function()
    local path = reports .. "/task-1.md"
    local result = report("region,amount\nnorth,10\nsouth,1\nnorth,5\n").result

    assert.same({ rows = 3, path = path, totals = { north = 15, south = 1 } },
      result)
    assert.equal("integer", math.type(result.totals.north))
    assert.equal("# amount by region\n\n3 rows of " .. source .. "\n\n"
      .. "| region | amount |\n| --- | ---: |\n| north | 15 |\n| south | 1 |\n",
      testing.files[path])
  end)

  it("writes CSV", function()
    local result = report('region,amount\r\n"a ""b"", c",0.1\r\n"a ""b"", c",0.2\r\n',
      { format = "csv", output = "out/x.csv" }).result

    assert.equal("out/x.csv", result.path)
    assert.equal('region,amount\r\n"a ""b"", c",0.3\r\n', testing.files["out/x.csv"])
  end)

  it("reads quotes, commas, newlines and empty fields in fields", function()
    local result = report('\xEF\xBB\xBF"region",x,amount\n"a\nb",,1\n"a\n\nb","",2\n,"y,""z""",3\n'
      .. '"",w,4').result

    assert.same({ ["a\nb"] = 1, ["a\n\nb"] = 2, [""] = 7 }, result.totals)
    assert.equal(4, result.rows)
  end)

  it("names file and line of what is wrong", function()
    local head = "region,amount\nnorth,1\n"
    fails("SOURCE:3: 1 fields, but the header has 2", head .. "south\n")
    fails("SOURCE:5: 3 fields, but the header has 2", head .. '"a\nb",2\nsouth,1,2\n')
    fails('SOURCE:3: amount: "ten" is not a number', head .. "south,ten\n")
    fails("SOURCE:3: a quoted field without its closing quote", head .. 'south,"1\n\n')
    fails("SOURCE:3: text after a closing quote", head .. '"south"x,1\n')
    fails("SOURCE:3: a quote inside of a field that is not quoted", head .. 'so"uth,1\n')
    fails("SOURCE:1: the header row is missing", "")
    fails("SOURCE:1: group_by: there is no column place", head, { group_by = "place" })
    fails("SOURCE:1: sum: there is no column 7", head, { sum = 7 })
  end)

  it("names a file that is not there", function()
    local outcome = report("", { source = "/no/such.csv" })

    assert.equal("/no/such.csv: No such file or directory", outcome.error)
    assert.matches("source: must be the path",
      testing.run("report:generate", { group_by = "a", sum = "b" }).error)
  end)

  it("gives up on a format that it does not know", function()
    local outcome = report("region,amount\n", { format = "pdf" })

    assert.equal("failed", outcome.status)
    assert.equal("format: pdf is neither markdown nor csv", outcome.error)
  end)
end)
