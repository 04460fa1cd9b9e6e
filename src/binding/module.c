// SPDX-License-Identifier: MIT
//
// `require "taskq"`: the module's table, and the functions of a handler's context. Parts that are
// written in Lua are loaded when a script first touches them.
#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "binding/module.h"
#include "script/context.h"
#include "base/hint.h"

static const double MAX_SLEEP_MS = 1e12;

const struct tq_host *tq_binding_host(lua_State *L)
{
    return tq_context_host(L);
}

static void release_wait(void *wait)
{
    ((struct tq_wait *)wait)->release(wait);
}

int tq_binding_wait(lua_State *L, struct tq_wait *wait, int (*finish)(lua_State *L, void *wait))
{
    return tq_context_wait(L, wait, wait->is_done, finish, release_wait);
}

int tq_binding_push_error(lua_State *L, const struct tq_err *err)
{
    luaL_pushfail(L);
    (void)lua_pushstring(L, err->message);
    lua_pushinteger(L, err->code);
    return 3;
}

const char *tq_binding_get_text(lua_State *L, const char *field, size_t *len)
{
    return lua_getfield(L, 1, field) == LUA_TNIL ? NULL : luaL_checklstring(L, -1, len);
}

int64_t tq_binding_get_integer(lua_State *L, const char *field)
{
    (void)lua_getfield(L, 1, field); /* any type: it is checked */
    return luaL_checkinteger(L, -1);
}

const char **tq_binding_get_list(lua_State *L, const char *field, const char *too_many,
                                 size_t *count)
{
    (void)lua_getfield(L, 1, field); /* a list of strings */

    int list = lua_gettop(L);

    *count = lua_rawlen(L, list);
    luaL_checkstack(L, (int)*count + 4, too_many);

    const char **texts = lua_newuserdatauv(L, (*count + 1) * sizeof *texts, 0);

    for (size_t i = 0; i < *count; i++) {
        (void)lua_rawgeti(L, list, (lua_Integer)i + 1); /* any type: it is checked */
        texts[i] = luaL_checkstring(L, -1);
    }
    texts[*count] = NULL;
    return texts;
}

static int finish_sleep(lua_State *L, void *wait)
{
    (void)L;
    (void)wait; /* a sleep cannot fail */
    return 0;
}

static int taskq_sleep(lua_State *L)
{
    lua_Number ms = luaL_checknumber(L, 1);

    luaL_argcheck(L, ms >= 0 && ms <= MAX_SLEEP_MS, 1, "milliseconds, 0 or more, expected");

    struct tq_run *run = tq_context_check_wait(L, "taskq.sleep");
    const struct tq_host *host = tq_binding_host(L);

    return tq_binding_wait(L, host->sleep(host->owner, run, (int64_t)ceil(ms)), finish_sleep);
}

static int taskq_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)tq_clock_wall_us() / 1000);
    return 1;
}

static int context_is_shutting_down(lua_State *L)
{
    const struct tq_host *host = tq_binding_host(L);
    bool is_so = host->is_shutting_down(host->owner);
    struct tq_run *run = tq_context_run(L);

    if (is_so && run != NULL)
        tq_context_note_shutdown(run);
    lua_pushboolean(L, is_so);
    return 1;
}

static int context_is_cancelled(lua_State *L)
{
    const struct tq_run *run = tq_context_run(L);

    lua_pushboolean(L, run != NULL && tq_context_is_cancelled(run));
    return 1;
}

/* core.hint(word, list of texts) -> the one that was probably meant, or nil */
static int core_hint(lua_State *L)
{
    enum { MAX_KNOWN = 32, WORD = 1, LIST = 2 };
    const char *known[MAX_KNOWN + 1] = {NULL};
    const char *word = luaL_checkstring(L, WORD);

    for (int i = 0; i < MAX_KNOWN && lua_rawgeti(L, LIST, i + 1) == LUA_TSTRING; i++) {
        known[i] = lua_tostring(L, -1); /* the list keeps it */
        lua_pop(L, 1);
    }
    lua_settop(L, LIST);
    (void)lua_pushstring(L, tq_hint_find(word, known)); /* nil for NULL */
    return 1;
}

/* __index of the module: the parts in lua/taskq/. */
static int load_part(lua_State *L)
{
    static const char *const parts[] = {"file", "http", "mail", "spawn"};
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(parts[i], key) == 0) {
            tq_context_require(L, lua_pushfstring(L, "taskq.%s", key));
            return 1;
        }
    }
    return 0;
}

/* One a line; clang-format would make columns of so many. */
/* clang-format off */
static const luaL_Reg module_functions[] = {
    {"cancel", tq_binding_cancel},
    {"enqueue", tq_binding_enqueue},
    {"enqueue_many", tq_binding_enqueue_many},
    {"now", taskq_now},
    {"on", tq_binding_on},
    {"query", tq_binding_query},
    {"retry", tq_binding_retry},
    {"sleep", taskq_sleep},
    {"stats", tq_binding_stats},
    {NULL, NULL},
};
/* clang-format on */

static const luaL_Reg core_functions[] = {
    {"fetch", tq_binding_fetch},
    {"begin", tq_binding_begin},
    {"commit", tq_binding_commit},
    {"make_folder", tq_binding_make_folder},
    {"hint", core_hint},
    {"random_name", tq_binding_random_name},
    {"refuse", tq_context_refuse},
    {"pipe_close", tq_binding_pipe_close},
    {"pipe_open", tq_binding_pipe_open},
    {"pipe_read", tq_binding_pipe_read},
    {"pipe_write", tq_binding_pipe_write},
    {"send_mail", tq_binding_send_mail},
    {"spawn", tq_binding_spawn},
    {NULL, NULL},
};

static const luaL_Reg context_functions[] = {
    {"is_cancelled", context_is_cancelled},
    {"is_shutting_down", context_is_shutting_down},
    {"progress", tq_binding_progress},
    {"transaction", tq_binding_transaction},
    {NULL, NULL},
};

int luaopen_taskq(lua_State *L)
{
    tq_context_add_functions(L, context_functions);
    tq_binding_add_cjson(L);
    tq_binding_open_transaction(L);
    luaL_newlib(L, core_functions);
    tq_context_add_module(L, "taskq.core");

    luaL_newlib(L, module_functions);
    lua_pushliteral(L, TASKQ_VERSION);
    lua_setfield(L, -2, "version");
    tq_json_push_null(L);
    lua_setfield(L, -2, "null");
    tq_binding_push_json(L);
    lua_setfield(L, -2, "json");
    tq_binding_push_log(L);
    lua_setfield(L, -2, "log");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, load_part);
    lua_setfield(L, -2, "__index");
    (void)lua_setmetatable(L, -2); /* always returns 1 */
    return 1;
}
