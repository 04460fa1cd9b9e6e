// SPDX-License-Identifier: MIT
//
// Coroutines as scripts see them: as Lua's own, but that waits pass through. Each body returns true
// when all is well.
#include "script/state.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

static void check_true(const char *body)
{
    stage_check_body(body, "{}", "true");
}

UNIT_TEST(behave_as_in_lua)
{
    check_true(
        "local co = coroutine.create(function(a, b) "
        "  local c = coroutine.yield(a + b) local d, e = coroutine.yield(c * 2) return d + e end) "
        "local ok, x = coroutine.resume(co, 1, 2) local _, y = coroutine.resume(co, 10) "
        "local _, z = coroutine.resume(co, 3, 4) "
        "return x == 3 and y == 20 and z == 7 and coroutine.status(co) == 'dead'");
    check_true("local co = coroutine.create(function() end) coroutine.resume(co) "
               "local ok, err = coroutine.resume(co) return not ok and err == 'cannot resume dead "
               "coroutine'");
    check_true("local self = coroutine.running() local co, main "
               "co = coroutine.create(function() local me = coroutine.running() "
               "  assert(me == co and coroutine.status(me) == 'running') "
               "  assert(coroutine.status(self) == 'normal' and coroutine.isyieldable()) "
               "  return coroutine.resume(self) end) "
               "local _, ok, err = coroutine.resume(co) "
               "return not ok and err == 'cannot resume non-suspended coroutine' "
               "and not coroutine.isyieldable() and select(2, coroutine.running())");
    check_true("local ok, err = pcall(coroutine.yield) "
               "return not ok and err == 'attempt to yield from outside a coroutine'");
    check_true(
        "local sum = 0 for i in coroutine.wrap(function() for i = 1, 5 do coroutine.yield(i) end "
        "end) do sum = sum + i end return sum == 15");
    check_true("local ok, err = pcall(coroutine.wrap(function() error({ 5 }) end)) "
               "return not ok and err[1] == 5");
    check_true("local ok, err = pcall(coroutine.wrap(function() error('deep') end)) "
               "return not ok and err:find('deep') ~= nil");
    check_true("return not pcall(coroutine.resume, 1) and not pcall(coroutine.create, 1) "
               "and not pcall(coroutine.wrap) and not pcall(coroutine.status)");
}

UNIT_TEST(close_as_in_lua)
{
    check_true("local closed local co = coroutine.create(function() "
               "  local x <close> = setmetatable({}, { __close = function(_, err) closed = err or "
               "'nil' end }) "
               "  coroutine.yield() end) coroutine.resume(co) "
               "return coroutine.close(co) and closed == 'nil' and coroutine.status(co) == 'dead' "
               "and coroutine.close(co)");
    check_true(
        "local seen local ok, err = pcall(coroutine.wrap(function() "
        "  local x <close> = setmetatable({}, { __close = function(_, err) seen = err end }) "
        "  error('e', 0) end)) return not ok and seen == 'e' and err:find('e$') ~= nil");
    check_true(
        "local co = coroutine.create(function() "
        "  local x <close> = setmetatable({}, { __close = function() error('in close', 0) end }) "
        "  coroutine.yield() end) coroutine.resume(co) "
        "local ok, err = coroutine.close(co) return not ok and err == 'in close'");
    check_true("local ok, err = pcall(coroutine.close, coroutine.running()) "
               "return not ok and err == 'cannot close a running coroutine'");
}

UNIT_TEST(let_waits_pass)
{
    check_true("local function gen() for i = 1, 3 do taskq.sleep(1) coroutine.yield(i) end end "
               "local sum = 0 for i in coroutine.wrap(gen) do taskq.sleep(1) sum = sum + i end "
               "return sum == 6");
    check_true("local function nest(n) if n == 0 then taskq.sleep(1) return 'deep' end "
               "  local ok, v = coroutine.resume(coroutine.create(nest), n - 1) return v end "
               "return nest(10) == 'deep'");
    check_true("local co = coroutine.create(function() "
               "  local ok, err = pcall(function() taskq.sleep(1) error('after', 0) end) "
               "  coroutine.yield(err) return 'end' end) "
               "local _, a = coroutine.resume(co) local _, b = coroutine.resume(co) "
               "return a == 'after' and b == 'end'");
    check_true("return select(2, xpcall(function() taskq.sleep(1) error('x', 0) end, "
               "function(err) return err .. '!' end)) == 'x!'");
    check_true(
        "local t = setmetatable({}, { __index = function(_, k) taskq.sleep(1) return k end }) "
        "return t.abc == 'abc'");
    check_true("local n = 0 do local x <close> = setmetatable({}, { __close = function() "
               "  taskq.sleep(1) n = 1 end }) end return n == 1");
}

UNIT_TEST(belong_to_the_run_that_waits_in_them)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "lib/shared.lua", "return {}");
    stage_load_body(
        &stage, "local shared = require 'shared' "
                "if context.task.payload == 1 then "
                "  shared.outer = coroutine.running() "
                "  shared.inner = coroutine.create(function() taskq.sleep(1) return 'mine' end) "
                "  return select(2, coroutine.resume(shared.inner)) end "
                "local function try(f, co) local ok, a, b = pcall(f, co) return b or a end "
                "return { coroutine.status(shared.inner), coroutine.status(shared.outer), "
                "try(coroutine.resume, shared.inner), try(coroutine.close, shared.inner), "
                "try(coroutine.resume, shared.outer), try(coroutine.close, shared.outer) }");

    struct tq_run *first = stage_start(&stage, "t", "1");

    CHECK_INT(stage_resume(first), TQ_RUN_WAITING);
    stage_check_result(&stage, "2",
                       "[\"normal\",\"normal\",\"cannot resume non-suspended coroutine\","
                       "\"cannot close a normal coroutine\","
                       "\"cannot resume non-suspended coroutine\","
                       "\"cannot close a normal coroutine\"]");
    stage_end_wait(&stage);
    CHECK_INT(stage_resume(first), TQ_RUN_DONE);
    CHECK_TEXT(tq_run_outcome(first)->result, "\"mine\"");
    tq_run_free(first);
    stage_close(&stage);
}

UNIT_TEST(name_what_cannot_be_suspended)
{
    check_true("local ok, err = pcall(table.sort, { 2, 1 }, function() taskq.sleep(1) end) "
               "return err:match('taskq.sleep cannot wait inside table.sort:') ~= nil or err");
    check_true("local ok, err = pcall(string.gsub, 'a', 'a', function() taskq.sleep(1) end) "
               "return err:match('taskq.sleep cannot wait inside string.gsub:') ~= nil or err");
    check_true("local ok, err = pcall(function() return ('a'):gsub('a', coroutine.wrap(function() "
               "  taskq.sleep(1) end)) end) "
               "return err:match('inside the function that resumed this coroutine') ~= nil or err");
}

UNIT_TEST(xpcall_as_in_lua)
{
    check_true("local ok, a, b = xpcall(function(...) return ... end, print, 1, 2) "
               "return ok and a == 1 and b == 2");
    check_true("local ok, err = xpcall(error, function(e) return e .. '?' end, 'x') "
               "return not ok and err == 'x?'");
    check_true("return not pcall(xpcall) and not pcall(xpcall, print)");
    check_true("local ok, tb = xpcall(function() error('x') end, debug.traceback) "
               "return not ok and tb:find('stack traceback') ~= nil");
}
