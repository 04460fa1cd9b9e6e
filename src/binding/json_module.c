// SPDX-License-Identifier: MIT
//
// taskq.json: the codec that payloads and results pass through, for scripts.
#include <stdlib.h>

#include <lauxlib.h>

#include "binding/module.h"
#include "script/context.h"

enum { MAX_BYTES = 64 * 1024 * 1024, KEPT_BYTES = 1024 * 1024 };

/* json.encode(value) -> text; raises on what is not JSON. */
static int json_encode(lua_State *L)
{
    static const struct tq_json_rules rules = {.root = "value", .max_bytes = MAX_BYTES};
    struct tq_json_text *text = tq_context_json(L);

    luaL_checkany(L, 1);
    tq_json_encode(L, 1, &rules, text);
    (void)lua_pushlstring(L, text->data, text->len);
    if (text->capacity > KEPT_BYTES) {
        free(text->data);
        *text = (struct tq_json_text){0};
    }
    return 1;
}

static int p_decode(lua_State *L)
{
    size_t len;
    const char *text = lua_tolstring(L, 1, &len);

    tq_json_decode(L, text, len, "text");
    return 1;
}

/* json.decode(text) -> value | nil, message */
static int json_decode(lua_State *L)
{
    (void)luaL_checkstring(L, 1);
    lua_settop(L, 1);
    lua_pushcfunction(L, p_decode);
    lua_insert(L, 1);

    int status = lua_pcall(L, 1, 1, 0);

    if (status == LUA_OK)
        return 1;
    if (status == LUA_ERRMEM)
        return lua_error(L);
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
}

/* json.array([table]) -> the table, marked as an array so that it encodes as [] when it is empty.
 */
static int json_array(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    if (!tq_json_is_marked(L, 1)) {
        luaL_argcheck(L, !lua_getmetatable(L, 1), 1, "the table has a metatable already");
        tq_json_push_array_mark(L);
        (void)lua_setmetatable(L, 1); /* always returns 1 */
    }
    lua_settop(L, 1);
    return 1;
}

static const luaL_Reg functions[] = {
    {"array", json_array},
    {"decode", json_decode},
    {"encode", json_encode},
    {NULL, NULL},
};

void tq_binding_push_json(lua_State *L)
{
    luaL_newlib(L, functions);
    tq_context_push_view(L);
}
