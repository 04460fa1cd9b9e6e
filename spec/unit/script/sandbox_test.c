// SPDX-License-Identifier: MIT
//
// What scripts cannot do, and what they still can. Each body returns true when all is well.
#include "script/state.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

static void check_true(const char *body)
{
    stage_check_body(body, "{}", "true");
}

UNIT_TEST(has_no_debug_but_traceback)
{
    check_true(
        "local names = {} for name in pairs(debug) do names[#names + 1] = name end "
        "return #names == 1 and names[1] == 'traceback' and debug.traceback('x'):sub(1, 1) == 'x'");
}

UNIT_TEST(refuses_finalizers)
{
    check_true("local ok, err = pcall(setmetatable, {}, { __gc = function() end }) "
               "return not ok and err:find('__gc', 1, true) ~= nil");
    check_true("local ok = pcall(setmetatable, {}, { __gc = true }) return not ok");
    check_true("local mt = {} setmetatable({}, mt) mt.__gc = function() while true do end end "
               "return collectgarbage('count') > 0");
}

UNIT_TEST(refuses_bytecode)
{
    check_true("local f, err = load('\\27Lua') return f == nil and err:find('binary') ~= nil");
    check_true(
        "local f, err = load('return 1', 'x', 'b') return f == nil and err:find('binary') ~= nil");
    check_true("local f = load('return 1', 'x', 'bt') return f() == 1");
    check_true("return not pcall(string.dump, function() end)");
}

UNIT_TEST(refuses_what_blocks_the_thread_or_ends_the_worker)
{
    check_true(
        "for _, call in ipairs({ { os.exit }, { os.setlocale, 'C' }, "
        "    { io.write, 'x' }, { io.input }, { io.output } }) do "
        "  local ok, err = pcall(table.unpack(call)) "
        "  if ok or not err:find('is not available in handlers: ', 1, true) then return err end "
        "end return true");
}

UNIT_TEST(limits_collectgarbage)
{
    check_true(
        "local ok, err = pcall(collectgarbage) "
        "return not ok and err:find('count', 1, true) ~= nil and collectgarbage('count') > 10 "
        "and not pcall(collectgarbage, 'stop')");
}

UNIT_TEST(has_read_only_libraries)
{
    check_true(
        "for _, change in ipairs({ "
        "    function() string.format = nil end, function() string.mine = 1 end, "
        "    function() rawset(table, 'insert', nil) end, function() os.exit = print end, "
        "    function() table.insert(math, 1) end, function() taskq.sleep = nil end, "
        "    function() taskq.log.info = nil end, function() package.loaded.x = 1 end, "
        "    function() setmetatable(string, {}) end, function() require('cjson').x = 1 end, "
        "    function() getmetatable('').__index = {} end, "
        "    function() getmetatable(_G).__index = {} end }) do "
        "  if pcall(change) then return _ end end return true");
    check_true("local count = 0 for name, f in pairs(string) do assert(string[name] == f) "
               "count = count + 1 end return count > 15 and ('x'):rep(3) == 'xxx'");
}

UNIT_TEST(gives_each_file_its_own_globals)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "a.lua",
                "mine = 'a' _G.other = 'a' load('loaded = 1')() "
                "return { type = 'a', handler = function() "
                "  return { mine, _G.mine, other, loaded } end }");
    stage_load_body(&stage, "return mine == nil and other == nil and loaded == nil "
                            "and string.mine == nil and _G._G == _G");
    stage_check_result(&stage, "{}", "true");

    struct tq_run *run = stage_start(&stage, "a", "{}");

    CHECK_TEXT(stage_finish(&stage, run)->result, "[\"a\",\"a\",\"a\",1]");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(keeps_the_rest_of_lua)
{
    check_true("return load('return 1 + 1')() == 2 and select('#', load('x x')) == 2 "
               "and load('return y', 'n', 't', { y = 5 })() == 5 "
               "and load((function() local n = 0 return function() n = n + 1 "
               "  return ({ 'return ', '7' })[n] end end)())() == 7");
    check_true(
        "local t = setmetatable({}, { __index = function(_, k) return k end }) "
        "return t.x == 'x' and rawget(t, 'x') == nil and rawset(t, 'x', 1) == t and t.x == 1 "
        "and getmetatable(setmetatable({}, { __metatable = 'no' })) == 'no' "
        "and not pcall(setmetatable, setmetatable({}, { __metatable = 1 }), {})");
    check_true(
        "return math.type(1) == 'integer' and utf8.len('\\u{e9}') == 1 and os.time() > 0 "
        "and os.getenv('PATH') ~= nil and #os.date('%Y') == 4 and type(os.clock()) == 'number' "
        "and string.format('%5.1f', 2.25) == '  2.2' and _VERSION == 'Lua 5.4'");
    check_true("local t = {} for k, v in pairs({ a = 1 }) do t[k] = v end return t.a == 1");
    check_true("print('x', 1, nil, setmetatable({}, { __tostring = function() return 'y' end })) "
               "warn('careful', ' now') return true");
}

UNIT_TEST(has_cjson_with_the_same_null)
{
    check_true("local cjson = require 'cjson' return cjson.null == taskq.null "
               "and cjson.decode('[null]')[1] == taskq.null and cjson.encode({ 1 }) == '[1]'");
}

UNIT_TEST(bounds_the_arguments_of_io_lines)
{
    check_true("local many = {} for i = 1, 100000 do many[i] = 1 end "
               "local ok, err = pcall(io.lines, '/etc/hostname', table.unpack(many)) "
               "return not ok and err:find('too many arguments', 1, true) ~= nil");
    check_true("local few = {} for i = 1, 250 do few[i] = 0 end "
               "for round = 1, 50 do "
               "  coroutine.wrap(function() io.lines('/etc/hostname', table.unpack(few)) end)() "
               "end return true");
}

UNIT_TEST(has_no_settings_of_cjson)
{
    check_true("local cjson = require('cjson') "
               "return cjson.decode_max_depth == nil and cjson.encode_max_depth == nil "
               "and cjson.new == nil and cjson.decode('[1]')[1] == 1");
}
