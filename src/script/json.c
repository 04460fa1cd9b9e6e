// SPDX-License-Identifier: MIT
//
// Encoding, and the array mark. Decoding is in json_decode.c.
//
// The encoder walks tables depth first. Each table on the way down is a struct level on the C
// stack; together they are the path that errors name and the place where cycles are found.
#include "script/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "base/utf8.h"
#include "script/place.h"

enum { FIRST_CAPACITY = 256, NUMBER_BYTES = 48, PATH_BYTES = 200 };

/* Below this an integral float prints as digits and ".0"; integers past 64 bits decode as floats.
 */
static const double PLAIN_FLOAT_LIMIT = 1e20;

static const char array_mark_key = 0; /* its address is the registry key */

struct level {
    const struct level *up;
    const void *table;
    const char *key; /* NULL: index says which element */
    lua_Integer index;
};

struct encoder {
    lua_State *L;
    const struct tq_json_rules *rules;
    struct tq_json_text *text;
};

static void encode_value(struct encoder *e, const struct level *up, int depth);

void tq_json_open(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "json array");
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &array_mark_key);
}

void tq_json_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
}

void tq_json_push_array_mark(lua_State *L)
{
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &array_mark_key); /* its type is known */
}

bool tq_json_is_marked(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index))
        return false;
    tq_json_push_array_mark(L);

    bool is_marked = lua_rawequal(L, -1, -2);

    lua_pop(L, 2);
    return is_marked;
}

int tq_json_array(lua_State *L)
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

void tq_json_encode(lua_State *L, int index, const struct tq_json_rules *rules,
                    struct tq_json_text *text)
{
    struct encoder e = {.L = L, .rules = rules, .text = text};

    text->len = 0;
    lua_pushvalue(L, index);
    encode_value(&e, NULL, 0);
    lua_pop(L, 1);
}

static void add_path(luaL_Buffer *path, const struct level *level)
{
    if (level == NULL)
        return;
    add_path(path, level->up);
    if (luaL_bufflen(path) > PATH_BYTES)
        return;
    if (level->key != NULL) {
        luaL_addchar(path, '.');
        luaL_addstring(path, level->key);
    } else {
        char text[NUMBER_BYTES];

        (void)snprintf(text, sizeof text, "[%" PRId64 "]", (int64_t)level->index);
        luaL_addstring(path, text);
    }
}

/* Raises "root.path[3]: message", with the place before it where it is wanted. */
static int refuse(struct encoder *e, const struct level *level, const char *message)
{
    luaL_Buffer path;

    luaL_buffinit(e->L, &path);
    if (e->rules->is_placed) {
        tq_place_push(e->L);
        luaL_addvalue(&path);
    }
    luaL_addstring(&path, e->rules->root);
    add_path(&path, level);
    luaL_addstring(&path, ": ");
    luaL_addstring(&path, message);
    luaL_pushresult(&path);
    return lua_error(e->L);
}

static void reserve(struct encoder *e, size_t more)
{
    struct tq_json_text *text = e->text;
    size_t needed = text->len + more + 1;

    if (needed > e->rules->max_bytes + 1)
        (void)refuse(
            e, NULL,
            lua_pushfstring(e->L, "larger than %d bytes of JSON", (int)e->rules->max_bytes));
    if (needed <= text->capacity)
        return;

    size_t capacity = text->capacity > 0 ? text->capacity * 2 : FIRST_CAPACITY;

    if (capacity < needed)
        capacity = needed;

    char *data = realloc(text->data, capacity);

    if (data == NULL)
        (void)refuse(e, NULL, "not enough memory for its JSON");
    text->data = data;
    text->capacity = capacity;
}

static void add(struct encoder *e, const char *bytes, size_t len)
{
    reserve(e, len);
    memcpy(e->text->data + e->text->len, bytes, len);
    e->text->len += len;
    e->text->data[e->text->len] = '\0';
}

static void add_char(struct encoder *e, char c)
{
    add(e, &c, 1);
}

static void add_integer(struct encoder *e, lua_Integer value)
{
    char text[NUMBER_BYTES];
    char *at = text + sizeof text;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        *--at = '-';
    add(e, at, (size_t)(text + sizeof text - at));
}

/* 15 digits, or as many more as it takes to read back as the same number. */
static void add_float(struct encoder *e, const struct level *up, double value)
{
    char text[NUMBER_BYTES];

    if (!isfinite(value)) {
        (void)refuse(e, up, isnan(value) ? "nan is not JSON" : "an infinite number is not JSON");
    } else if (value == floor(value) && fabs(value) < PLAIN_FLOAT_LIMIT) {
        (void)snprintf(text, sizeof text, "%.1f", value);
    } else {
        for (int digits = 15; digits <= 17; digits++) {
            (void)snprintf(text, sizeof text, "%.*g", digits, value);
            if (strtod(text, NULL) == value)
                break;
        }
    }
    add(e, text, strlen(text));
}

static void add_escape(struct encoder *e, unsigned char c)
{
    static const char short_forms[][2] = {{'"', '"'},  {'\\', '\\'}, {'\n', 'n'}, {'\r', 'r'},
                                          {'\t', 't'}, {'\b', 'b'},  {'\f', 'f'}};
    char text[8];

    for (size_t i = 0; i < sizeof short_forms / sizeof *short_forms; i++) {
        if (short_forms[i][0] == (char)c) {
            text[0] = '\\';
            text[1] = short_forms[i][1];
            add(e, text, 2);
            return;
        }
    }
    (void)snprintf(text, sizeof text, "\\u%04x", c);
    add(e, text, 6);
}

static void add_string(struct encoder *e, const struct level *up, const char *string, size_t len)
{
    const char *at = string, *end = string + len, *plain = string;

    add_char(e, '"');
    while (at < end) {
        unsigned char c = (unsigned char)*at;

        if (c >= 0x80) {
            size_t width = tq_utf8_width(at, end);

            if (width == 0)
                (void)refuse(e, up, "a string that is not UTF-8 is not JSON");
            at += width;
            continue;
        }
        if (c >= 0x20 && c != '"' && c != '\\') {
            at++;
            continue;
        }
        if (c == 0 && e->rules->is_for_jsonb)
            (void)refuse(e, up, "PostgreSQL cannot store a string with a zero byte (\\u0000)");
        add(e, plain, (size_t)(at - plain));
        add_escape(e, c);
        plain = ++at;
    }
    add(e, plain, (size_t)(at - plain));
    add_char(e, '"');
}

/* The keys are checked first: whoever nests tables that are no lists must not make us encode twice.
 */
static void encode_array(struct encoder *e, struct level *here, int depth)
{
    lua_Integer count = 0, len = (lua_Integer)lua_rawlen(e->L, -1);

    lua_pushnil(e->L);
    while (lua_next(e->L, -2)) {
        lua_pop(e->L, 1);
        count++;
        if (!lua_isinteger(e->L, -1))
            (void)refuse(e, here->up, "a table with both a list and other keys is not JSON");
        if (lua_tointeger(e->L, -1) < 1 || lua_tointeger(e->L, -1) > len)
            (void)refuse(e, here->up, "a list with holes is not JSON (put taskq.null there)");
    }
    if (count != len)
        (void)refuse(e, here->up, "a list with holes is not JSON (put taskq.null there)");

    add_char(e, '[');
    for (here->index = 1; here->index <= len; here->index++) {
        if (here->index > 1)
            add_char(e, ',');
        (void)lua_rawgeti(e->L, -1, here->index); /* encode_value asks for the type */
        encode_value(e, here, depth);
        lua_pop(e->L, 1);
    }
    add_char(e, ']');
}

static void encode_object(struct encoder *e, struct level *here, int depth)
{
    bool is_first = true;

    add_char(e, '{');
    lua_pushnil(e->L);
    while (lua_next(e->L, -2)) {
        size_t len;

        if (lua_type(e->L, -2) != LUA_TSTRING)
            (void)refuse(e, here->up,
                         lua_isinteger(e->L, -2)
                             ? "a list with holes or other keys is not JSON"
                             : "a table with a key that is no string is not JSON");
        here->key = lua_tolstring(e->L, -2, &len);
        if (!is_first)
            add_char(e, ',');
        is_first = false;
        add_string(e, here, here->key, len);
        add_char(e, ':');
        encode_value(e, here, depth);
        lua_pop(e->L, 1);
    }
    add_char(e, '}');
}

static void encode_table(struct encoder *e, const struct level *up, int depth)
{
    struct level here = {.up = up, .table = lua_topointer(e->L, -1)};

    if (depth > TQ_JSON_MAX_DEPTH)
        (void)refuse(e, up, "nested deeper than 512 levels");
    for (const struct level *above = up; above != NULL; above = above->up) {
        if (above->table == here.table)
            (void)refuse(e, up, "the table contains itself");
    }
    luaL_checkstack(e->L, 8, "JSON is nested too deep");

    bool is_marked = tq_json_is_marked(e->L, -1);

    if (is_marked || lua_rawlen(e->L, -1) > 0)
        encode_array(e, &here, depth);
    else
        encode_object(e, &here, depth);
}

/* The value on top, which stays there. */
static void encode_value(struct encoder *e, const struct level *up, int depth)
{
    lua_State *L = e->L;
    size_t len;
    const char *string;
    char message[64];

    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        add(e, "null", 4);
        return;
    case LUA_TBOOLEAN:
        add(e, lua_toboolean(L, -1) ? "true" : "false", lua_toboolean(L, -1) ? 4 : 5);
        return;
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1))
            add_integer(e, lua_tointeger(L, -1));
        else
            add_float(e, up, lua_tonumber(L, -1));
        return;
    case LUA_TSTRING:
        string = lua_tolstring(L, -1, &len);
        add_string(e, up, string, len);
        return;
    case LUA_TTABLE:
        encode_table(e, up, depth + 1);
        return;
    default:
        if (lua_islightuserdata(L, -1) && lua_touserdata(L, -1) == NULL) {
            add(e, "null", 4);
            return;
        }
        (void)snprintf(message, sizeof message, "a %s is not JSON", luaL_typename(L, -1));
        (void)refuse(e, up, message);
    }
}
