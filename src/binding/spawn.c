// SPDX-License-Identifier: MIT
//
// require("taskq.core").spawn{...}: runs a program to its end. lua/taskq/spawn.lua checks what a
// handler asks for; so what is wrong here is a fault of that file.
#include <lauxlib.h>

#include "binding/module.h"
#include "script/context.h"

static int finish_spawn(lua_State *L, void *state)
{
    const struct tq_wait *wait = state;
    const struct tq_spawn_wait *spawn = state; /* its first member */

    if (!wait->is_ok) {
        luaL_pushfail(L);
        (void)lua_pushstring(L, wait->err.message);
        lua_pushinteger(L, wait->err.code);
        return 3;
    }
    lua_pushinteger(L, spawn->code);
    lua_pushinteger(L, spawn->signal);
    (void)lua_pushlstring(L, spawn->out, spawn->out_len);
    (void)lua_pushlstring(L, spawn->err, spawn->err_len);
    return 4;
}

/* Fields of the table at index 1; what they give stays on the stack. */

static const char *get_text(lua_State *L, const char *field, size_t *len)
{
    return lua_getfield(L, 1, field) == LUA_TNIL ? NULL : luaL_checklstring(L, -1, len);
}

/* A list of strings, with a NULL at its end. */
static const char **get_list(lua_State *L, const char *field)
{
    (void)lua_getfield(L, 1, field); /* a list of strings */

    int list = lua_gettop(L);
    size_t count = lua_rawlen(L, list);

    luaL_checkstack(L, (int)count + 4, "too many arguments");

    const char **texts = lua_newuserdatauv(L, (count + 1) * sizeof *texts, 0);

    for (size_t i = 0; i < count; i++) {
        (void)lua_rawgeti(L, list, (lua_Integer)i + 1); /* any type: it is checked */
        texts[i] = luaL_checkstring(L, -1);
    }
    texts[count] = NULL;
    return texts;
}

int tq_binding_spawn(lua_State *L)
{
    struct tq_spawn_call call = {0};
    const char *what;

    luaL_checktype(L, 1, LUA_TTABLE);
    what = get_text(L, "what", NULL);
    call.argv = get_list(L, "argv");
    luaL_argcheck(L, call.argv[0] != NULL, 1, "a program expected");
    call.changes = get_list(L, "env");
    call.cwd = get_text(L, "cwd", NULL);
    call.input = get_text(L, "stdin", &call.input_len);
    (void)lua_getfield(L, 1, "is_output_kept"); /* a boolean, or nil */
    call.is_output_kept = lua_toboolean(L, -1);
    (void)lua_getfield(L, 1, "timeout"); /* any type: it is checked */
    call.timeout_ms = luaL_checkinteger(L, -1);
    (void)lua_getfield(L, 1, "max_output"); /* likewise */
    call.max_bytes = (size_t)luaL_checkinteger(L, -1);

    struct tq_run *run = tq_context_check_wait(L, what);
    const struct tq_host *host = tq_binding_host(L);

    return tq_binding_wait(L, host->spawn(host->owner, run, &call), finish_spawn);
}
