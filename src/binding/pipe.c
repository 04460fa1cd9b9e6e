// SPDX-License-Identifier: MIT
//
// require("taskq.core").pipe_*: a command that a handler reads from or writes to while it runs.
// lua/taskq/shell.lua makes io.popen of it.
#include <lauxlib.h>

#include "binding/module.h"
#include "script/context.h"

static const char what[] = "io.popen";

/* The next bytes, or nothing at the end. */
static int finish_read(lua_State *L, void *state)
{
    struct tq_pipe_wait *pipe = state;

    if (!pipe->wait.is_ok)
        return tq_binding_push_error(L, &pipe->wait.err);
    if (pipe->bytes == NULL)
        return 0;
    (void)lua_pushlstring(L, pipe->bytes, pipe->len);
    pipe->is_taken = true;
    return 1;
}

static int finish_write(lua_State *L, void *state)
{
    const struct tq_pipe_wait *pipe = state;

    if (!pipe->wait.is_ok)
        return tq_binding_push_error(L, &pipe->wait.err);
    lua_pushboolean(L, 1);
    return 1;
}

static int finish_close(lua_State *L, void *state)
{
    const struct tq_pipe_wait *pipe = state;

    if (!pipe->wait.is_ok)
        return tq_binding_push_error(L, &pipe->wait.err);
    lua_pushinteger(L, pipe->code);
    lua_pushinteger(L, pipe->signal);
    return 2;
}

static int use(lua_State *L, enum tq_pipe_act act, int (*finish)(lua_State *L, void *wait))
{
    int64_t number = luaL_checkinteger(L, 1);
    size_t len = 0;
    const char *bytes = act == TQ_PIPE_WRITE ? luaL_checklstring(L, 2, &len) : NULL;
    struct tq_run *run = tq_context_check_wait(L, what);
    const struct tq_host *host = tq_binding_host(L);

    return tq_binding_wait(L, host->use_pipe(host->owner, run, number, act, bytes, len), finish);
}

int tq_binding_pipe_read(lua_State *L)
{
    return use(L, TQ_PIPE_READ, finish_read);
}

int tq_binding_pipe_write(lua_State *L)
{
    return use(L, TQ_PIPE_WRITE, finish_write);
}

int tq_binding_pipe_close(lua_State *L)
{
    return use(L, TQ_PIPE_CLOSE, finish_close);
}

int tq_binding_pipe_open(lua_State *L)
{
    const char *command = luaL_checkstring(L, 1);
    bool is_written = lua_toboolean(L, 2);
    struct tq_run *run = tq_context_check_wait(L, what);
    const struct tq_host *host = tq_binding_host(L);
    struct tq_err err;
    int64_t number = host->open_pipe(host->owner, run, command, is_written, &err);

    if (number == 0)
        return tq_binding_push_error(L, &err);
    lua_pushinteger(L, number);
    return 1;
}
