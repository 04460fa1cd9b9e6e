// SPDX-License-Identifier: MIT
//
// Files for scripts. The payload is the path of a folder that exists.
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "script/state.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

static void check_true(const char *body)
{
    struct stage stage;
    char payload[128];

    stage_open(&stage);
    stage_load_body(&stage, body);
    (void)snprintf(payload, sizeof payload, "\"%s\"", stage.folder);
    stage_check_result(&stage, payload, "true");
    stage_close(&stage);
}

UNIT_TEST(writes_and_reads_regular_files)
{
    check_true("local path = context.task.payload .. '/x.txt' "
               "local f <close> = assert(io.open(path, 'w')) f:write('one\\n', 2, '\\n') f:close() "
               "local a <close> = assert(io.open(path, 'ab')) a:write('three') a:close() "
               "local lines = {} for line in io.lines(path) do lines[#lines + 1] = line end "
               "local r <close> = assert(io.open(path, 'r+')) local all = r:read('a') "
               "assert(io.type(r) == 'file') r:close() assert(io.type(r) == 'closed file') "
               "assert(io.type(5) == nil) assert(os.remove(path)) "
               "return all == 'one\\n2\\nthree' and table.concat(lines, ',') == 'one,2,three'");
}

UNIT_TEST(says_why_a_file_cannot_be_opened)
{
    check_true("local path = context.task.payload .. '/none' local f, err, code = io.open(path) "
               "return f == nil and err == path .. ': No such file or directory' and code == 2");
    check_true("local ok, err = pcall(io.open, 'x', 'rw') return not ok and err:find('invalid "
               "mode') ~= nil");
    check_true("local ok, err = pcall(io.lines, '/none') return not ok and err:find('/none: No "
               "such') ~= nil");
}

UNIT_TEST(opens_nothing_but_regular_files)
{
    check_true("local f, err = io.open('/dev/zero') return f == nil and err == '/dev/zero: not a "
               "regular file'");
    check_true("local f, err = io.open(context.task.payload) return f == nil and err:find('not a "
               "regular') ~= nil");
    check_true("local ok, err = pcall(io.lines, '/dev/tty') return not ok");
}

UNIT_TEST(does_not_hang_on_a_pipe)
{
    struct stage stage;
    char fifo[128], payload[160];

    stage_open(&stage);
    stage_load_body(&stage, "local path = context.task.payload local f, err = io.open(path) "
                            "local g = io.open(path, 'w') local ok = pcall(dofile, path) "
                            "return f == nil and g == nil and not ok");
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", stage.folder);
    CHECK(mkfifo(fifo, 0600) == 0);
    (void)snprintf(payload, sizeof payload, "\"%s\"", fifo);
    stage_check_result(&stage, payload, "true");
    CHECK(remove(fifo) == 0);
    stage_close(&stage);
}

UNIT_TEST(has_an_empty_standard_input)
{
    check_true("return io.stdin:read('a') == '' and io.read() == nil "
               "and io.stderr:close() == nil and io.stdout:write('') == io.stdout");
}

UNIT_TEST(runs_files_in_the_callers_globals)
{
    check_true("local path = context.task.payload .. '/x.lua' "
               "local f <close> = assert(io.open(path, 'w')) "
               "f:write('#!/usr/bin/lua\\nmine = (mine or 0) + 1 return mine, \"two\"') f:close() "
               "local a, b = dofile(path) local c = loadfile(path)() "
               "local d = loadfile(path, 't', { mine = 10 })() "
               "local none, err = loadfile('/none') os.remove(path) "
               "return a == 1 and b == 'two' and c == 2 and d == 11 and mine == 2 and none == nil "
               "and err == 'cannot read /none: No such file or directory'");
}

static void limit_files(rlim_t count)
{
    struct rlimit limit = {count, count};

    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static bool has_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    return fd >= 0 && close(fd) == 0;
}

UNIT_TEST(closes_files_that_nobody_closes)
{
    limit_files(512);
    check_true("local path = context.task.payload .. '/x' "
               "for i = 1, 2000 do local f, err = io.open(path, 'w') "
               "  if not f then return i .. ': ' .. err end end "
               "return os.remove(path)");
    limit_files(48);
    check_true("local path = context.task.payload .. '/x' "
               "for i = 1, 2000 do local f, err = io.open(path, 'w') "
               "  if not f then return i .. ': ' .. err end end "
               "return os.remove(path)");
}

UNIT_TEST(gives_all_descriptors_back_with_the_run)
{
    struct stage stage;
    char payload[128];

    stage_open(&stage);
    stage_load_body(&stage, "local path, files = context.task.payload .. '/x', {} "
                            "repeat local f, err = io.open(path, 'w') files[#files + 1] = f "
                            "until not f "
                            "assert(os.remove(path)) return #files > 0");
    (void)snprintf(payload, sizeof payload, "\"%s\"", stage.folder);
    limit_files(48);
    stage_check_result(&stage, payload, "true");
    CHECK(has_descriptor());
    stage_close(&stage);
}
