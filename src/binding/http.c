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

    if (!wait->is_ok)
        return tq_binding_push_error(L, &wait->err);
    lua_pushinteger(L, http->status);
    (void)lua_pushlstring(L, http->headers, http->headers_len);
    (void)lua_pushlstring(L, http->body, http->body_len);
    (void)lua_pushstring(L, http->url);
    return 4;
}

int tq_binding_fetch(lua_State *L)
{
    struct tq_http_call call = {0};

    luaL_checktype(L, 1, LUA_TTABLE);
    call.method = tq_binding_get_text(L, "method", NULL);
    call.url = tq_binding_get_text(L, "url", NULL);
    call.body = tq_binding_get_text(L, "body", &call.body_len);
    call.ca_file = tq_binding_get_text(L, "ca", NULL);
    call.proxy = tq_binding_get_text(L, "proxy", NULL);
    call.timeout_ms = tq_binding_get_integer(L, "timeout");
    call.connect_timeout_ms = tq_binding_get_integer(L, "connect_timeout");
    call.max_redirects = (int)tq_binding_get_integer(L, "max_redirects");
    call.max_bytes = (size_t)tq_binding_get_integer(L, "max_bytes");
    call.headers = tq_binding_get_list(L, "headers", "too many headers", &call.header_count);
    luaL_argcheck(L, call.method != NULL && call.url != NULL, 1, "method and url expected");

    struct tq_run *run = tq_context_check_wait(L, "taskq.http");
    const struct tq_host *host = tq_binding_host(L);

    return tq_binding_wait(L, host->fetch(host->owner, run, &call), finish_fetch);
}
