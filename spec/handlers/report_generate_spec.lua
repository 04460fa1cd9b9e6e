--- The sample handler "report:generate".

local uv = require "luv"
local folder = require "support.folder"
local handler_file = require "support.handler"

describe("report:generate", function()
  local taskq, run, source

  before_each(function()
    local handler
    handler, taskq, run = handler_file.load("handlers/report_generate.lua")
    assert.equal("report:generate", handler.type)
    source = folder.new() .. "/sales.csv"
    uv.os_unsetenv("REPORTS_DIR")
  end)

  local function report(csv, more)
    folder.write(source, csv)
    local payload = { source = source, group_by = "region", sum = "amount" }
    for key, value in pairs(more or {}) do
      payload[key] = value
    end
    return run(payload, { id = 42 })
  end

  local function fails(expected, csv, more)
    local is_fine, message = pcall(report, csv, more)
    assert.is_false(is_fine)
    assert.equal((expected:gsub("SOURCE", (source:gsub("%%", "%%%%")))), message)
    assert.same({}, taskq.files)
  end

  it("sums by group and writes Markdown", function()
    local result = report("region,amount\nnorth,10\nsouth,1\nnorth,5\n")

    assert.same({ rows = 3, path = "reports/task-42.md", totals = { north = 15, south = 1 } },
      result)
    assert.equal("integer", math.type(result.totals.north))
    assert.equal("# amount by region\n\n3 rows of " .. source .. "\n\n"
      .. "| region | amount |\n| --- | ---: |\n| north | 15 |\n| south | 1 |\n",
      taskq.files["reports/task-42.md"])
  end)

  it("writes CSV", function()
    local result = report('region,amount\r\n"a ""b"", c",0.1\r\n"a ""b"", c",0.2\r\n',
      { format = "csv", output = "out/x.csv" })

    assert.equal("out/x.csv", result.path)
    assert.equal('region,amount\r\n"a ""b"", c",0.3\r\n', taskq.files["out/x.csv"])
  end)

  it("writes into the folder of REPORTS_DIR", function()
    uv.os_setenv("REPORTS_DIR", "/some/where")

    assert.equal("/some/where/task-42.md", report("region,amount\n").path)
    uv.os_unsetenv("REPORTS_DIR")
  end)

  it("reads quotes, commas, newlines and empty fields in fields", function()
    local result = report('\xEF\xBB\xBF"region",x,amount\n"a\nb",,1\n"a\n\nb","",2\n,"y,""z""",3\n'
      .. '"",w,4')

    assert.same({ ["a\nb"] = 1, ["a\n\nb"] = 2, [""] = 7 }, result.totals)
    assert.equal(4, result.rows)
  end)

  it("reads a large file a row at a time", function()
    do
      local lines = { "region,amount" }
      for i = 1, 200000 do
        lines[#lines + 1] = "r" .. i % 7 .. ",1"
      end
      folder.write(source, table.concat(lines, "\n"))
    end
    collectgarbage()
    local before, most = collectgarbage("count"), 0
    debug.sethook(function()
      collectgarbage()
      most = math.max(most, collectgarbage("count"))
    end, "", 3000000)

    local result = run { source = source, group_by = "region", sum = "amount" }

    debug.sethook()
    assert.equal(200000, result.rows)
    assert.is_true(most - before < 1024, ("%.0f KB"):format(most - before))
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
    assert.has_error(function()
      run { source = "/no/such.csv", group_by = "a", sum = "b" }
    end, "/no/such.csv: No such file or directory")
    assert.is_false(pcall(run, { group_by = "a", sum = "b" }))
  end)

  it("gives up on a format that it does not know", function()
    local outcome = report("region,amount\n", { format = "pdf" })

    assert.same({ success = false, discard = true,
      error = "format: pdf is neither markdown nor csv" }, outcome)
  end)
end)
