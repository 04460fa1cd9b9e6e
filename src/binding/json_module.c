// SPDX-License-Identifier: MIT
//
// taskq.json: the codec that payloads and results pass through, for scripts. Also under the name
// and with the functions of lua-cjson, which many scripts require: its own one makes floats of
// integers, allocates what no account sees, and loses that when a task hits its limit.
#include <stdlib.h>

#include <lauxlib.h>

#include "binding/module.h"
#include "script/context.h"

enum { MAX_BYTES = 64 * 1024 * 1024, KEPT_BYTES = 1024 * 1024 };

/* json.encode(value) -> text; raises on what is not JSON. */
static int json_encode(lua_State *L)
{
    static const struct tq_json_rules rules = {
        .root = "value", .max_bytes = MAX_BYTES, .is_placed = true};
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

/* What a protected call left: its value, or nil and a message; no memory is raised again. */
static int finish_safely(lua_State *L, int status)
{
    if (status == LUA_OK)
        return 1;
    if (status == LUA_ERRMEM)
        return lua_error(L);
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
}

/* json.decode(text) -> value | nil, message */
static int json_decode(lua_State *L)
{
    (void)luaL_checkstring(L, 1);
    lua_settop(L, 1);
    lua_pushcfunction(L, p_decode);
    lua_insert(L, 1);

    return finish_safely(L, lua_pcall(L, 1, 1, 0));
}

static const luaL_Reg functions[] = {
    {"array", tq_json_array},
    {"decode", json_decode},
    {"encode", json_encode},
    {NULL, NULL},
};

void tq_binding_push_json(lua_State *L)
{
    luaL_newlib(L, functions);
    tq_context_push_view(L);
}

/* cjson.decode(text) -> value; raises. */
static int cjson_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);

    tq_json_decode(L, text, len, "text");
    return 1;
}

/* cjson.safe.encode(value) -> text | nil, message */
static int safe_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    lua_pushcfunction(L, json_encode);
    lua_insert(L, 1);
    return finish_safely(L, lua_pcall(L, 1, 1, 0));
}

static void add_cjson(lua_State *L, const char *name, lua_CFunction encode, lua_CFunction decode)
{
    lua_createtable(L, 0, 5);
    lua_pushcfunction(L, encode);
    lua_setfield(L, -2, "encode");
    lua_pushcfunction(L, decode);
    lua_setfield(L, -2, "decode");
    tq_json_push_null(L);
    lua_setfield(L, -2, "null");
    (void)lua_pushstring(L, name);
    lua_setfield(L, -2, "_NAME");
    lua_pushliteral(L, "2.1.0"); /* whose functions these are */
    lua_setfield(L, -2, "_VERSION");
    tq_context_add_module(L, name);
}

void tq_binding_add_cjson(lua_State *L)
{
    add_cjson(L, "cjson", json_encode, cjson_decode);
    add_cjson(L, "cjson.safe", safe_encode, json_decode);
}
