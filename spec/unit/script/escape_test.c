// SPDX-License-Identifier: MIT
//
// Ways out of the sandbox that are known from others: none may work. A body returns a list of those
// that did.
#include <stdio.h>

#include "unit/script/stage.h"
#include "unit/unit.h"

#define PRELUDE                                                                                    \
    "local worked = {} "                                                                           \
    "local function try(name, f, ...) "                                                            \
    "  local ok, value = pcall(f, ...) "                                                           \
    "  if ok and value then worked[#worked + 1] = name end "                                       \
    "end "

static void check_none(const char *attempts)
{
    char body[8192];

    CHECK((size_t)snprintf(body, sizeof body, PRELUDE "%s return taskq.json.array(worked)",
                           attempts) < sizeof body);
    stage_check_body(body, "{}", "[]");
}

UNIT_TEST(metatables_of_strings)
{
    check_none("try('getmetatable', function() return type(getmetatable('')) == 'table' end) "
               "try('change', function() getmetatable('').__index = {} return true end) "
               "try('setmetatable', function() setmetatable('', {}) return true end) "
               "try('debug', function() return debug.setmetatable or debug.getmetatable end) "
               "try('through string', function() string.upper = nil return true end) "
               "try('through __index', function() "
               "  rawset(getmetatable(('x').upper) or string, 'upper', print) return true end) ");
}

UNIT_TEST(metatables_of_what_the_host_made)
{
    check_none(
        "for name, thing in pairs {context = context, task = context.task, taskq = taskq, "
        "    string = string, env = _ENV, loaded = package.loaded, file = io.stdout, "
        "    array = taskq.json.decode('[1]')} do "
        "  try('get ' .. name, function() return type(getmetatable(thing)) == 'table' end) "
        "  try('set ' .. name, function() return name ~= 'array' and setmetatable(thing, {}) end) "
        "end "
        "try('gc of a file', function() getmetatable(io.stdout).__gc = print return true end) ");
}

UNIT_TEST(libraries_that_all_share)
{
    check_none(
        "for name, library in pairs {string = string, table = table, math = math, os = os, io = "
        "io, "
        "    utf8 = utf8, coroutine = coroutine, debug = debug, package = package, taskq = taskq, "
        "    log = taskq.log, json = taskq.json, cjson = require 'cjson', "
        "    loaded = package.loaded} do "
        "  try('assign ' .. name, function() library.mine = 1 return true end) "
        "  try('rawset ' .. name, function() rawset(library, 'mine', 1) return library.mine end) "
        "  try('insert ' .. name, function() table.insert(library, 1) return library[1] end) "
        "  try('move ' .. name, function() "
        "    table.move({1}, 1, 1, 1, library) return library[1] end) "
        "  try('rawget ' .. name, function() return next(library) ~= nil and rawget(library, 1) "
        "end) "
        "end "
        "try('setmetatable of _G', function() setmetatable(_G, {}) return true end) ");
}

UNIT_TEST(bytecode)
{
    check_none("try('load', function() return load('\\27Lua') end) "
               "try('load b', function() return load('return 1', 'x', 'b') end) "
               "try('load by function', function() local n = 0 "
               "  return load(function() n = n + 1 return n == 1 and '\\27Lua' or nil end) end) "
               "try('dump', function() return string.dump(function() end) end) "
               "try('method', function() return ('').dump(print) end) "
               "try('loadstring', function() return loadstring end) ");
}

UNIT_TEST(libraries_of_the_system)
{
    check_none(
        "try('loadlib', function() return package.loadlib end) "
        "try('cpath', function() return package.cpath end) "
        "try('searchers', function() return package.searchers or package.searchpath end) "
        "try('preload', function() return package.preload end) "
        "try('path', function() package.path = '/tmp/?.lua' return true end) "
        "for _, name in ipairs {'debug', '_G', 'package', 'io', 'os'} do "
        "  try('require ' .. name, function() local m = require(name) "
        "    return m.loadlib or m.getregistry or m.sethook or m.dofile end) "
        "end "
        "for _, name in ipairs {'../x', '/etc/passwd', 'lib.../x', './x', '', '\\0', 'x\\0y', "
        "    ('x'):rep(1 << 20), '..', '...', 'a/../../b', 'lfs', 'posix'} do "
        "  try('require ' .. name:sub(1, 20), require, name) "
        "end ");
}

UNIT_TEST(files_that_are_none)
{
    check_none(
        "for _, path in ipairs {'/dev/zero', '/dev/tty', '/dev/stdin', '/proc/self/fd/0', '/tmp', "
        "    '/dev/null/x', '/dev/urandom'} do "
        "  try('open ' .. path, function() return io.open(path) end) "
        "  try('write ' .. path, function() return io.open(path, 'w') end) "
        "  try('lines ' .. path, function() return io.lines(path)() end) "
        "end "
        "local path <const> = os.tmpname() "
        "for i, mode in ipairs {'rw', 'x', 'r+x', '', 'r\\0', 'e', 'rme'} do "
        "  try('mode ' .. i, function() return io.open(path, mode) end) "
        "end "
        "os.remove(path) "
        "try('nul', function() return io.open('/etc/passwd\\0.txt') end) "
        "try('popen', function() return io.popen('true', 'x') end) "
        "try('stdin', function() return io.stdin:read('a') ~= '' end) "
        "try('close', function() return io.stdout:close() and io.stderr:close() and false end) ");
}

UNIT_TEST(environments)
{
    check_none("try('fresh _G', function() return load('return _G', 'x', 't', {})() end) "
               "try('no globals', function() return load('return print', 'x', 't', {})() end) "
               "local function own() x_global = 1 return _ENV end "
               "try('shared globals', function() own() return rawget(string, 'x_global') end) "
               "try('load leaks', function() load('leaked = 1')() "
               "  return (getmetatable(_ENV) or {}).__index end) "
               "try('setfenv', function() return setfenv or getfenv or debug.setupvalue end) ");
}

UNIT_TEST(coroutines_of_the_system)
{
    check_none(
        "local main = coroutine.running() "
        "try('resume itself', function() return coroutine.resume(main) end) "
        "try('close itself', function() return coroutine.close(main) end) "
        "try('wrap a wrap', function() local f f = coroutine.wrap(function() return f() end) "
        "  return f() end) "
        "local function inner() return coroutine.resume(main) end "
        "try('resume from below', function() "
        "  return coroutine.wrap(function() return (inner()) end)() end) "
        "try('close from below', function() "
        "  return coroutine.wrap(function() return coroutine.close(main) end)() end) "
        "try('yield', function() coroutine.yield() return true end) ");
}

UNIT_TEST(finalizers_and_collection)
{
    check_none("try('__gc', function() return setmetatable({}, {__gc = print}) end) "
               "try('__gc by __index', function() "
               "  local t = setmetatable({}, setmetatable({}, {__index = {__gc = print}})) "
               "  return getmetatable(t).__gc == nil end) "
               "for _, option in ipairs {'collect', 'stop', 'restart', 'step', 'generational', "
               "    'incremental', 'setpause', 'isrunning'} do "
               "  try('collectgarbage ' .. option, collectgarbage, option) "
               "end ");
}

UNIT_TEST(the_process)
{
    check_none("try('exit', os.exit, 0) try('exit of nothing', os.exit) "
               "try('setlocale', os.setlocale, 'C') try('setlocale query', os.setlocale) "
               "try('remove a folder', function() return os.remove('/') end) "
               "try('tmpname of others', function() return os.rename('/', '/x') end) "
               "try('input', io.input, '/etc/passwd') try('output', io.output, '/tmp/x') "
               "try('dofile', function() return dofile('/etc/passwd') end) ");
}

UNIT_TEST(error_objects)
{
    struct stage stage;
    struct tq_run *run;
    static const char *const bodies[] = {
        "error(setmetatable({}, {__tostring = function() error('again') end}))",
        "error(setmetatable({}, {__tostring = function() return 5 end}))",
        "error(setmetatable({}, {__name = 7, __metatable = false}))",
        "error(setmetatable({}, {__tostring = coroutine.yield}))",
        "error(coroutine.running())",
        "error()",
        "error(setmetatable({}, {__index = function() error('no') end, __pairs = error}))",
        "local t = {} t.t = t error(t)",
    };

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        stage_open(&stage);
        stage_load_body(&stage, bodies[i]);
        run = stage_start(&stage, "t", "{}");
        CHECK_INT(stage_finish(&stage, run)->kind, TQ_OUTCOME_FAILURE);
        CHECK(tq_run_outcome(run)->error != NULL);
        tq_run_free(run);
        stage_close(&stage);
    }
}

/* What one file sets, no other one sees. */
UNIT_TEST(globals_of_another_file)
{
    struct stage stage;
    struct tq_run *run;

    stage_open(&stage);
    stage_write(&stage, "a.lua",
                "secret = 'mine' print = nil "
                "return {type = 'a', handler = function() return secret end}");
    stage_write(&stage, "t.lua",
                "return {type = 't', handler = function() secret = secret or 'none' "
                "return secret .. type(print) end}");
    stage_load(&stage);
    run = stage_start(&stage, "t", "{}");
    CHECK_TEXT(stage_finish(&stage, run)->result, "\"nonefunction\"");
    tq_run_free(run);
    run = stage_start(&stage, "a", "{}");
    CHECK_TEXT(stage_finish(&stage, run)->result, "\"mine\"");
    tq_run_free(run);
    stage_close(&stage);
}
