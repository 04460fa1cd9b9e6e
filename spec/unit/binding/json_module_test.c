// SPDX-License-Identifier: MIT
//
// taskq.json, beyond what script/json_test.c shows of the codec.
#include "binding/module.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

static void check_true(const char *body)
{
    stage_check_body(body, "{}", "true");
}

UNIT_TEST(encodes_and_decodes)
{
    check_true("local json = taskq.json local t = json.decode('{\"a\":[1,2.0,null]}') "
               "return math.type(t.a[1]) == 'integer' and math.type(t.a[2]) == 'float' "
               "and t.a[3] == taskq.null and json.encode(t) == '{\"a\":[1,2.0,null]}'");
    check_true("return taskq.json.encode(nil) == 'null' and taskq.json.encode('a\\0b') == "
               "[==[\"a\\u0000b\"]==]");
}

UNIT_TEST(returns_nil_and_a_message_for_what_is_no_json)
{
    check_true("local value, err = taskq.json.decode('[1,') "
               "return value == nil and err == 'text: not JSON at the end of the text' or err");
}

UNIT_TEST(raises_on_misuse)
{
    check_true("local json = taskq.json return not pcall(json.encode) and not pcall(json.decode) "
               "and not pcall(json.decode, {}) and not pcall(json.array, 5) "
               "and not pcall(json.array, setmetatable({}, {}))");
    check_true("local ok, err = pcall(taskq.json.encode, { print }) "
               "return err:match('t%.lua:%d+: value%[1%]: a function is not JSON$') ~= nil or err");
}

UNIT_TEST(marks_arrays)
{
    check_true(
        "local json = taskq.json local t = {} "
        "return json.encode(json.array()) == '[]' and json.array(t) == t and json.array(t) == t "
        "and json.encode(t) == '[]' and json.encode({}) == '{}'");
}

UNIT_TEST(lets_a_decoded_array_have_another_metatable)
{
    check_true("local t = setmetatable(taskq.json.decode('[1]'), { __index = { x = 5 } }) "
               "return t.x == 5 and t[1] == 1");
}

UNIT_TEST(is_cjson_too)
{
    check_true(
        "local cjson = require 'cjson' local list = cjson.decode('[9007199254740993, [], 1.0]') "
        "return list[1] == 9007199254740993 and math.type(list[3]) == 'float' "
        "and cjson.encode(list) == '[9007199254740993,[],1.0]' and cjson._NAME == 'cjson' "
        "and not pcall(cjson.decode, '[') and not pcall(cjson.encode, print)");
    check_true("local safe = require 'cjson.safe' local value, err = safe.decode('[') "
               "local text, why = safe.encode { print } "
               "return value == nil and #err > 0 and text == nil and why:find('JSON') ~= nil "
               "and safe.encode { 1 } == '[1]' and safe.decode('[2]')[1] == 2");
}

/* The leak checker sees what the error leaves behind. */
UNIT_TEST(loses_nothing_when_a_task_hits_its_limit_in_it)
{
    struct stage stage;
    struct tq_run *run;

    stage_open(&stage);
    stage_write(&stage, "t.lua",
                "local text = '[' .. ('[1,2,3],'):rep(100000) .. '0]' "
                "return {type = 't', memory_limit = 1 << 20, handler = function() "
                "  while true do pcall(require('cjson').decode, text) end end}");
    stage_load(&stage);
    run = stage_start(&stage, "t", "{}");
    CHECK_INT(stage_finish(&stage, run)->stop, TQ_STOP_MEMORY);
    tq_run_free(run);
    stage_close(&stage);
}
