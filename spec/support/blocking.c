// SPDX-License-Identifier: MIT
//
// A module for Lua that blocks its thread: blocking.until_exists(path) waits for a file, and
// blocking.pause(ms) for a while. It is what specs have in place of C code that waits where it must
// not.
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>

int luaopen_blocking(lua_State *L);

static int until_exists(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    const struct timespec pause = {.tv_nsec = 1000 * 1000};

    while (access(path, F_OK) != 0)
        (void)nanosleep(&pause, NULL); /* a signal only makes it look sooner */
    return 0;
}

static int pause_ms(lua_State *L)
{
    lua_Integer ms = luaL_checkinteger(L, 1);
    const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000 * 1000};

    (void)nanosleep(&span, NULL); /* a signal only makes it shorter */
    return 0;
}

static const luaL_Reg functions[] = {
    {"until_exists", until_exists}, {"pause", pause_ms}, {NULL, NULL}};

int luaopen_blocking(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
