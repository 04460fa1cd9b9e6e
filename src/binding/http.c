// SPDX-License-Identifier: MIT
//
// require("taskq.core").fetch{...}: one HTTP request. lua/taskq/http.lua checks what a handler
// asks for, and is what handlers use; so what is wrong here is a fault of that file.
#include <lauxlib.h>

#include "binding/module.h"
#include "script/context.h"

static int finish_fetch(lua_State *L, void *state)
{
    const struct tq_wait *wait = state;
    const struct tq_http_wait *http = state; /* its first member */

    if (!wait->is_ok) {
        luaL_pushfail(L);
        (void)lua_pushstring(L, wait->err.message);
        lua_pushinteger(L, wait->err.code);
        return 3;
    }
    lua_pushinteger(L, http->status);
    (void)lua_pushlstring(L, http->headers, http->headers_len);
    (void)lua_pushlstring(L, http->body, http->body_len);
    (void)lua_pushstring(L, http->url);
    return 4;
}

/* Fields of the table at index 1; what they give stays on the stack. */

static const char *get_text(lua_State *L, const char *field, size_t *len)
{
    return lua_getfield(L, 1, field) == LUA_TNIL ? NULL : luaL_checklstring(L, -1, len);
}

static int64_t get_integer(lua_State *L, const char *field)
{
    (void)lua_getfield(L, 1, field); /* any type: it is checked */
    return luaL_checkinteger(L, -1);
}

static void get_headers(lua_State *L, struct tq_http_call *call)
{
    (void)lua_getfield(L, 1, "headers"); /* a list of strings */

    int list = lua_gettop(L);

    call->header_count = lua_rawlen(L, list);
    luaL_checkstack(L, (int)call->header_count + 4, "too many headers");
    call->headers = lua_newuserdatauv(L, (call->header_count + 1) * sizeof *call->headers, 0);
    for (size_t i = 0; i < call->header_count; i++) {
        (void)lua_rawgeti(L, list, (lua_Integer)i + 1); /* any type: it is checked */
        call->headers[i] = luaL_checkstring(L, -1);
    }
}

int tq_binding_fetch(lua_State *L)
{
    struct tq_http_call call = {0};

    luaL_checktype(L, 1, LUA_TTABLE);
    call.method = get_text(L, "method", NULL);
    call.url = get_text(L, "url", NULL);
    call.body = get_text(L, "body", &call.body_len);
    call.ca_file = get_text(L, "ca", NULL);
    call.proxy = get_text(L, "proxy", NULL);
    call.timeout_ms = get_integer(L, "timeout");
    call.connect_timeout_ms = get_integer(L, "connect_timeout");
    call.max_redirects = (int)get_integer(L, "max_redirects");
    call.max_bytes = (size_t)get_integer(L, "max_bytes");
    get_headers(L, &call);
    luaL_argcheck(L, call.method != NULL && call.url != NULL, 1, "method and url expected");

    struct tq_run *run = tq_context_check_wait(L, "taskq.http");
    const struct tq_host *host = tq_binding_host(L);

    return tq_binding_wait(L, host->fetch(host->owner, run, &call), finish_fetch);
}
