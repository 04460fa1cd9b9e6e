// SPDX-License-Identifier: MIT
//
// taskq.on(event, function): registers a listener, in a file below listeners/.
#include <lauxlib.h>

#include "binding/module.h"
#include "script/event.h"

int tq_binding_on(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    tq_listener_add(L, name, 2);
    return 0;
}
