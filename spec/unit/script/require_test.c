// SPDX-License-Identifier: MIT
//
// require: from the snapshot, from the program, from the system; and what it refuses.
#include <stdio.h>

#include "script/state.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

static void check_true(const char *body)
{
    stage_check_body(body, "{}", "true");
}

UNIT_TEST(finds_modules_of_the_snapshot_once)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "lib/money.lua",
                "count = (count or 0) + 1 return { count = count, name = ... }");
    stage_write(&stage, "lib/pack/init.lua", "return require 'pack.part' .. '!'");
    stage_write(&stage, "lib/pack/part.lua", "return 'part'");
    stage_write(&stage, "lib/silent.lua", "");
    stage_write(&stage, "sub/x.lua", "return { type = 'x', handler = print }");
    stage_load_body(&stage, "local money = require 'money' "
                            "return money == require 'money' and money.count == 1 "
                            "and money.name == 'money' and require 'pack' == 'part!' "
                            "and require 'silent' == true and require('sub.x').type == 'x' "
                            "and package.loaded.money == nil and package.loaded.string == string");
    stage_check_result(&stage, "{}", "true");
    stage_check_result(&stage, "{}", "true");
    stage_close(&stage);
}

UNIT_TEST(refuses_loops_and_recovers_from_errors)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "lib/a.lua", "return require 'b'");
    stage_write(&stage, "lib/b.lua", "return require 'a'");
    stage_write(&stage, "lib/bad.lua", "error 'not yet'");
    stage_load_body(
        &stage, "for _ = 1, 2 do local ok, err = pcall(require, 'a') "
                "  if ok or not err:find('requires itself', 1, true) then return err end "
                "  ok, err = pcall(require, 'bad') "
                "  if ok or not err:find('bad.lua:1: not yet', 1, true) then return err end end "
                "return true");
    stage_check_result(&stage, "{}", "true");
    stage_close(&stage);
}

UNIT_TEST(says_what_is_missing_and_what_is_refused)
{
    check_true("local ok, err = pcall(require, 'no.such') "
               "return err == \"module 'no.such' not found: there is no lib/no/such.lua beside the "
               "handlers, and no such library in Lua's path\" or err");
    check_true(
        "local ok, err = pcall(require, 'lfs') "
        "return not ok and (err:find('written in C', 1, true) or err:find('not found')) ~= nil");
    check_true("return not pcall(require) and not pcall(require, {})");
}

UNIT_TEST(gives_the_libraries)
{
    check_true("return require 'taskq.file' == taskq.file and require 'taskq.file' == taskq.file "
               "and not pcall(function() taskq.file.write = nil end) and taskq.file.write ~= nil");
    check_true("return require 'string' == string and require 'taskq' == taskq "
               "and require('taskq.core').send_mail ~= nil and require 'cjson' ~= nil");
}

UNIT_TEST(does_not_wait_in_a_module)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "lib/slow.lua", "require 'taskq'.sleep(1)");
    stage_load_body(&stage,
                    "local ok, err = pcall(require, 'slow') "
                    "return err:match('taskq.sleep cannot wait inside require') ~= nil or err");
    stage_check_result(&stage, "{}", "true");
    stage_close(&stage);
}

UNIT_TEST(tells_a_file_where_it_is)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "lib/where.lua", "return select(2, ...)");
    stage_write(&stage, "here.lua",
                "local _, path = ... "
                "return { type = 't', handler = function(context) return "
                "  path == context.task.payload .. '/here.lua' "
                "  and require 'where' == context.task.payload .. '/lib/where.lua' end }");
    stage_load(&stage);

    char folder[sizeof stage.folder + 2];

    (void)snprintf(folder, sizeof folder, "\"%s\"", stage.folder);
    stage_check_result(&stage, folder, "true");
    stage_close(&stage);
}
