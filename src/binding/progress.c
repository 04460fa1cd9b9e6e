// SPDX-License-Identifier: MIT
//
// context.progress(fraction, message): how far the handler is. Kept with the attempt, and shown
// while the task runs.
#include <lauxlib.h>

#include "binding/module.h"
#include "script/context.h"

int tq_binding_progress(lua_State *L)
{
    lua_Number fraction = luaL_checknumber(L, 1);
    bool has_message = luaL_optstring(L, 2, NULL) != NULL;
    struct tq_run *run = tq_context_run(L);
    const struct tq_host *host = tq_binding_host(L);

    luaL_argcheck(L, fraction >= 0 && fraction <= 1, 1, "a fraction from 0 to 1 expected");
    if (run == NULL)
        return 0;
    tq_context_set_progress(run, fraction, has_message ? tq_context_push_text(L, 2) : NULL);
    host->report_progress(host->owner);
    return 0;
}
