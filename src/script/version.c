// SPDX-License-Identifier: MIT
#include "script/version.h"

#include <lua.h>

const char *tq_lua_version(void)
{
    return LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE;
}
