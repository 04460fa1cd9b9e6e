// SPDX-License-Identifier: MIT
//
// Compiling Lua text. Each file has globals of its own, an environment table through which it reads
// the shared ones; load, loadfile and dofile are made for each environment, so that what they
// compile belongs to the file that calls them. Only text is compiled: bytecode can break the
// interpreter.
#include <errno.h>
#include <string.h>

#include "script/state.h"

static int chunk_load(lua_State *L);
static int chunk_loadfile(lua_State *L);
static int chunk_dofile(lua_State *L);

/* Closures over their environment. */
static const luaL_Reg environment_functions[] = {
    {"load", chunk_load},
    {"loadfile", chunk_loadfile},
    {"dofile", chunk_dofile},
    {NULL, NULL},
};

void tq_chunk_push_environment(lua_State *L)
{
    lua_createtable(L, 0, 6);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "_G");
    lua_pushvalue(L, -1);
    luaL_setfuncs(L, environment_functions, 1);
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, tq_script_of(L)->environment_ref); /* always a table */
    (void)lua_setmetatable(L, -2); /* always returns 1 */
}

/* The function on top gets the table at index as its environment. */
static void set_environment(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    if (lua_setupvalue(L, -2, 1) == NULL)
        lua_pop(L, 1);
}

static bool begins_with(const char *text, const char *end, const char *bytes)
{
    size_t len = strlen(bytes);

    return (size_t)(end - text) >= len && memcmp(text, bytes, len) == 0;
}

int tq_chunk_load(lua_State *L, const char *text, size_t len, const char *name)
{
    const char *end = text + len;

    if (begins_with(text, end, "\xff\xfe") || begins_with(text, end, "\xfe\xff")) {
        (void)lua_pushfstring(L, "%s:1: is in UTF-16: save it as UTF-8", name + (*name == '@'));
        return LUA_ERRSYNTAX;
    }
    if (begins_with(text, end, "\xef\xbb\xbf")) /* what some editors begin UTF-8 with */
        text += 3;
    if (text < end && *text == '#') { /* the first line of a program; its newline stays, for line
                                         numbers */
        while (text < end && *text != '\n')
            text++;
    }
    return luaL_loadbufferx(L, text, (size_t)(end - text), name, "t");
}

/* Returns the function on top, or fail and the message there. */
static int return_loaded(lua_State *L, int status, int environment)
{
    if (status == LUA_OK) {
        set_environment(L, environment);
        return 1;
    }
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
}

/* lua_Reader for load with a function, which is at index 1; its pieces are kept at index 5. */
static const char *read_piece(lua_State *L, void *unused, size_t *size)
{
    (void)unused;
    luaL_checkstack(L, 2, "too many nested functions");
    lua_pushvalue(L, 1);
    lua_call(L, 0, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        *size = 0;
        return NULL;
    }
    if (!lua_isstring(L, -1))
        (void)luaL_error(L, "reader function must return a string");
    lua_replace(L, 5);
    return lua_tolstring(L, 5, size);
}

static int chunk_load(lua_State *L)
{
    const char *mode = luaL_optstring(L, 3, "t");
    int environment = lua_isnone(L, 4) ? lua_upvalueindex(1) : 4;
    size_t len;
    const char *text = lua_tolstring(L, 1, &len);

    if (strchr(mode, 't') == NULL) {
        luaL_pushfail(L);
        (void)lua_pushfstring(L, "attempt to load a binary chunk (mode is '%s')", mode);
        return 2;
    }
    if (text != NULL) {
        const char *name = luaL_optstring(L, 2, text);

        return return_loaded(L, luaL_loadbufferx(L, text, len, name, "t"), environment);
    }
    luaL_checktype(L, 1, LUA_TFUNCTION);

    const char *name = luaL_optstring(L, 2, "=(load)");

    lua_settop(L, 5);
    return return_loaded(L, lua_load(L, read_piece, NULL, name, "t"), environment);
}

/* Compiles the file named at index 1; pushes a function, or a message. */
static int load_file(lua_State *L, const char *path)
{
    size_t len;

    if (!tq_file_push_text(L, path)) {
        (void)lua_pushfstring(L, "cannot read %s: %s", path,
                              errno == ENOTSUP ? "not a regular file" : strerror(errno));
        return LUA_ERRFILE;
    }

    const char *text = lua_tolstring(L, -1, &len);
    const char *name = lua_pushfstring(L, "@%s", path);

    return tq_chunk_load(L, text, len, name);
}

static int chunk_loadfile(lua_State *L)
{
    int environment = lua_isnone(L, 3) ? lua_upvalueindex(1) : 3;

    return return_loaded(L, load_file(L, luaL_checkstring(L, 1)), environment);
}

static int return_all(lua_State *L, int status, lua_KContext below)
{
    (void)status; /* errors do not come here */
    return lua_gettop(L) - (int)below;
}

static int chunk_dofile(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);

    lua_settop(L, 1);
    if (load_file(L, path) != LUA_OK)
        return lua_error(L);
    set_environment(L, lua_upvalueindex(1));

    int below = lua_gettop(L) - 1;

    lua_callk(L, 0, LUA_MULTRET, below, return_all);
    return return_all(L, LUA_OK, below);
}
