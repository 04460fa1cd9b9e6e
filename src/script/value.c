// SPDX-License-Identifier: MIT
//
// Values in messages. Where one is kept in memory is no news to anybody.
#include "script/value.h"

#include <lauxlib.h>
#include <lua.h>

const char *tq_value_push_name(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        return lua_pushfstring(L, "\"%s\"", lua_tostring(L, index));
    case LUA_TNIL:
    case LUA_TBOOLEAN:
    case LUA_TNUMBER:
        return luaL_tolstring(L, index, NULL);
    default:
        return lua_pushfstring(L, "a %s", luaL_typename(L, index));
    }
}
