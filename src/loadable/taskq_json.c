// SPDX-License-Identifier: MIT
//
// `require "taskq_json"` in plain Lua 5.4: the codec that payloads and results pass through, as a
// module that any interpreter loads. lua/taskq/testing uses it, so that a handler's spec sees
// exactly what a worker would. It stands on script/json.c and script/json_decode.c alone.
//
//     encode(value, root, max_bytes, is_for_jsonb) -> text     raises "root.path: reason"
//     decode(text, root) -> value                              raises "root: reason"
//     array([table]) -> the table, marked as an array
//     null
#include <stdlib.h>

#include <lauxlib.h>

#include "script/json.h"

int luaopen_taskq_json(lua_State *L); /* called by require, which finds it by its name */

/* The text is owned by a userdata, so that an error in the midst of encoding frees it. */
static int free_text(lua_State *L)
{
    struct tq_json_text *text = lua_touserdata(L, 1);

    free(text->data);
    *text = (struct tq_json_text){0};
    return 0;
}

/* [-0, +1, m] */
static struct tq_json_text *push_text(lua_State *L)
{
    struct tq_json_text *text = lua_newuserdatauv(L, sizeof *text, 0);

    *text = (struct tq_json_text){0};
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, free_text);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, free_text);
    lua_setfield(L, -2, "__close");
    (void)lua_setmetatable(L, -2); /* always returns 1 */
    return text;
}

static int codec_encode(lua_State *L)
{
    const struct tq_json_rules rules = {
        .root = luaL_checkstring(L, 2),
        .max_bytes = (size_t)luaL_checkinteger(L, 3),
        .is_for_jsonb = lua_toboolean(L, 4),
    };

    lua_settop(L, 4);

    struct tq_json_text *text = push_text(L);

    lua_toclose(L, -1);
    tq_json_encode(L, 1, &rules, text);
    (void)lua_pushlstring(L, text->data, text->len);
    return 1;
}

static int codec_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);

    tq_json_decode(L, text, len, luaL_checkstring(L, 2));
    return 1;
}

static const luaL_Reg functions[] = {
    {"array", tq_json_array},
    {"decode", codec_decode},
    {"encode", codec_encode},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_taskq_json(lua_State *L)
{
    tq_json_open(L);
    luaL_newlib(L, functions);
    tq_json_push_null(L);
    lua_setfield(L, -2, "null");
    return 1;
}
