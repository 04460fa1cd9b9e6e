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

    if (!wait->is_ok)
        return tq_binding_push_error(L, &wait->err);
    lua_pushinteger(L, spawn->code);
    lua_pushinteger(L, spawn->signal);
    (void)lua_pushlstring(L, spawn->out, spawn->out_len);
    (void)lua_pushlstring(L, spawn->err, spawn->err_len);
    return 4;
}

int tq_binding_spawn(lua_State *L)
{
    struct tq_spawn_call call = {0};
    const char *what;
    size_t count; /* of what ends with NULL anyway */

    luaL_checktype(L, 1, LUA_TTABLE);
    what = tq_binding_get_text(L, "what", NULL);
    call.argv = tq_binding_get_list(L, "argv", "too many arguments", &count);
    luaL_argcheck(L, call.argv[0] != NULL, 1, "a program expected");
    call.changes = tq_binding_get_list(L, "env", "too many arguments", &count);
    call.cwd = tq_binding_get_text(L, "cwd", NULL);
    call.input = tq_binding_get_text(L, "stdin", &call.input_len);
    (void)lua_getfield(L, 1, "is_output_kept"); /* a boolean, or nil */
    call.is_output_kept = lua_toboolean(L, -1);
    call.timeout_ms = tq_binding_get_integer(L, "timeout");
    call.max_bytes = (size_t)tq_binding_get_integer(L, "max_output");

    struct tq_run *run = tq_context_check_wait(L, what);
    const struct tq_host *host = tq_binding_host(L);

    return tq_binding_wait(L, host->spawn(host->owner, run, &call), finish_spawn);
}
