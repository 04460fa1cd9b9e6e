// SPDX-License-Identifier: MIT
//
// require("taskq.core").send_mail{...}: hands one message to a mail server. lua/taskq/mail.lua
// builds the message, and is what handlers use.
#include <lauxlib.h>

#include "binding/module.h"
#include "script/context.h"

enum { DEFAULT_TIMEOUT_MS = 30 * 1000 };

static int finish_send(lua_State *L, void *state)
{
    const struct tq_wait *wait = state;

    if (!wait->is_ok)
        return tq_binding_push_error(L, &wait->err);
    lua_pushboolean(L, 1);
    return 1;
}

/* A field of the table at index 1, which must be a string; it stays on the stack. */
static const char *check_text(lua_State *L, const char *field, size_t *len)
{
    if (lua_getfield(L, 1, field) != LUA_TSTRING)
        (void)luaL_error(L, "send_mail: %s must be a string, not %s", field, luaL_typename(L, -1));
    return lua_tolstring(L, -1, len);
}

/* The strings stay on the stack, the array of pointers to them too. */
static void check_recipients(lua_State *L, struct tq_letter_mail *mail)
{
    if (lua_getfield(L, 1, "recipients") != LUA_TTABLE || lua_rawlen(L, -1) == 0)
        (void)luaL_error(L, "send_mail: recipients must be a list of addresses, not empty");

    int list = lua_gettop(L);

    mail->recipient_count = lua_rawlen(L, list);
    luaL_checkstack(L, (int)mail->recipient_count + 4, "too many recipients");
    mail->recipients = lua_newuserdatauv(L, mail->recipient_count * sizeof *mail->recipients, 0);
    for (size_t i = 0; i < mail->recipient_count; i++) {
        if (lua_rawgeti(L, list, (lua_Integer)i + 1) != LUA_TSTRING)
            (void)luaL_error(L, "send_mail: recipients[%d] must be a string, not %s", (int)i + 1,
                             luaL_typename(L, -1));
        mail->recipients[i] = lua_tostring(L, -1);
    }
}

int tq_binding_send_mail(lua_State *L)
{
    struct tq_letter_mail mail = {.timeout_ms = DEFAULT_TIMEOUT_MS};

    luaL_checktype(L, 1, LUA_TTABLE);
    mail.url = check_text(L, "url", NULL);
    mail.from = check_text(L, "from", NULL);
    mail.message = check_text(L, "message", &mail.message_len);
    check_recipients(L, &mail);
    if (lua_getfield(L, 1, "timeout") != LUA_TNIL) {
        lua_Number ms = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;

        if (!(ms >= 1 && ms <= 1e9))
            return luaL_error(L, "send_mail: timeout must be a number of milliseconds, 1 or more");
        mail.timeout_ms = (int64_t)ms;
    }

    struct tq_run *run = tq_context_check_wait(L, "taskq.mail");
    const struct tq_host *host = tq_binding_host(L);

    return tq_binding_wait(L, host->send_mail(host->owner, run, &mail), finish_send);
}
