--- What of the sample handler "report:generate" takes more than `taskq test` has: the environment,
--- and a large file. The rest is in handlers/spec/report_generate_spec.lua.

local uv = require "luv"
local folder = require "support.folder"
local testing = require "taskq.testing"

local PAYLOAD = { group_by = "region", sum = "amount" }

describe("report:generate", function()
  before_each(function()
    testing.reset { handlers = "handlers" }
    PAYLOAD.source = folder.new() .. "/sales.csv"
  end)

  it("writes into the folder of REPORTS_DIR", function()
    folder.write(PAYLOAD.source, "region,amount\n")
    uv.os_setenv("REPORTS_DIR", "/some/where")

    local outcome = testing.run("report:generate", PAYLOAD)

    uv.os_unsetenv("REPORTS_DIR")
    assert.equal("/some/where/task-1.md", outcome.result.path)
  end)

  it("reads a large file a row at a time", function()
    do
      local lines = { "region,amount" }
      for i = 1, 200000 do
        lines[#lines + 1] = "r" .. i % 7 .. ",1"
      end
      folder.write(PAYLOAD.source, table.concat(lines, "\n"))
    end
    local csv = assert(loadfile("handlers/lib/csv.lua"))()
    collectgarbage()
    local before, most, rows = collectgarbage("count"), 0, 0
    debug.sethook(function()
      collectgarbage()
      most = math.max(most, collectgarbage("count"))
    end, "", 3000000)

    for _ in csv.rows(PAYLOAD.source) do
      rows = rows + 1
    end

    debug.sethook()
    assert.equal(200000, rows)
    assert.is_true(most > 0 and most - before < 1024, ("%.0f KB"):format(most - before))
  end)
end)
