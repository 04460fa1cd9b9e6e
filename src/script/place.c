// SPDX-License-Identifier: MIT
//
// Finding the line of a script that an error is about. luaL_where() counts levels, and those
// between a handler and what refuses its arguments are many, and in files that are no business of
// its author.
#include "script/place.h"

#include <string.h>

#include <lauxlib.h>
#include <lua.h>

void tq_place_push(lua_State *L)
{
    static const char own[] = "@lua/taskq/"; /* as require.c calls the files that are embedded */
    lua_Debug ar;

    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        (void)lua_getinfo(L, "Sl", &ar); /* the options are valid */
        if (ar.currentline <= 0 || strncmp(ar.source, own, sizeof own - 1) == 0)
            continue;
        (void)lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
        return;
    }
    lua_pushliteral(L, "");
}
