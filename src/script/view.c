// SPDX-License-Identifier: MIT
//
// Read-only views: an empty table whose metatable shows the fields of another one, which scripts
// never get hold of. Lua has no read-only tables, and a library that one handler changed would be
// changed for all of them.
#include "script/state.h"

int tq_view_refuse_write(lua_State *L)
{
    return luaL_error(L, "attempt to change a read-only table (field '%s')",
                      luaL_tolstring(L, 2, NULL));
}

static int next_field(lua_State *L)
{
    lua_settop(L, 2);
    if (lua_next(L, lua_upvalueindex(1)))
        return 2;
    lua_pushnil(L);
    return 1;
}

static int pairs_of_view(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, next_field, 1);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

void tq_view_push(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, 4);
    lua_pushvalue(L, index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, tq_view_refuse_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushvalue(L, index);
    lua_pushcclosure(L, pairs_of_view, 1);
    lua_setfield(L, -2, "__pairs");
    if (luaL_getmetafield(L, index, "__call") != LUA_TNIL)
        lua_setfield(L, -2, "__call"); /* it gets the view as itself */
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    (void)lua_setmetatable(L, -2); /* always returns 1 */
}

bool tq_view_is(lua_State *L, int index)
{
    if (luaL_getmetafield(L, index, "__newindex") == LUA_TNIL)
        return false;

    bool is_view = lua_tocfunction(L, -1) == tq_view_refuse_write;

    lua_pop(L, 1);
    return is_view;
}
