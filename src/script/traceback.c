// SPDX-License-Identifier: MIT
//
// Tracebacks. luaL_traceback() looks for the outermost frames too, and finding a frame takes as
// many steps as it is deep: on a stack that has just overflowed that is 100 ms, which nothing can
// interrupt. Of such a stack only the innermost frames are shown.
#include "script/state.h"

enum { DEEP = 1000, SHOWN = 20 };

static void add_frame(lua_State *L, luaL_Buffer *text, lua_State *of, lua_Debug *ar)
{
    (void)lua_getinfo(of, "Sln", ar); /* the options are valid */
    (void)lua_pushfstring(L, "\n\t%s:", ar->short_src);
    luaL_addvalue(text);
    if (ar->currentline > 0) {
        (void)lua_pushfstring(L, "%d:", ar->currentline);
        luaL_addvalue(text);
    }
    (void)lua_pushfstring(L, " in %s '%s'", *ar->namewhat != '\0' ? ar->namewhat : "function",
                          ar->name != NULL ? ar->name : "?");
    luaL_addvalue(text);
}

void tq_traceback_push(lua_State *L, lua_State *of, int level)
{
    lua_Debug ar;
    luaL_Buffer text;

    if (!lua_getstack(of, DEEP, &ar)) {
        luaL_traceback(L, of, NULL, level);
        return;
    }
    luaL_buffinit(L, &text);
    luaL_addstring(&text, "stack traceback:");
    for (int shown = 0; shown < SHOWN && lua_getstack(of, level + shown, &ar); shown++)
        add_frame(L, &text, of, &ar);
    luaL_addstring(&text, "\n\t... (the stack is more than 1000 levels deep)");
    luaL_pushresult(&text);
}
