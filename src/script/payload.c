// SPDX-License-Identifier: MIT
//
// The payload schema of a handler: which fields a payload has, and of what type. It is read once,
// at load, from the handler's table into a list of our own that no script can reach:
//
//     { to = "string", tags = "array?", user = { name = "string" } }
//     { "tags", "array?", "to", "string", "user", { "name", "string" } }
//
// sorted by name, so that the same wrong payload always gives the same message. Fields that a
// schema does not name are left alone.
#include "script/payload.h"

#include <string.h>

#include "base/hint.h"
#include "script/state.h"

enum { MAX_DEPTH = 16, MAX_KIND = 16 };

static const char *const kinds[] = {"string", "number", "integer", "boolean",
                                    "object", "array",  "any",     NULL};

/* ---- reading ---- */

/* "string?" is "string" and optional. False: it is no type. */
static bool split_kind(const char *text, char kind[MAX_KIND], bool *is_optional)
{
    size_t len = strlen(text), i = 0;

    *is_optional = len > 0 && text[len - 1] == '?';
    len -= *is_optional ? 1 : 0;
    if (len >= MAX_KIND)
        return false;
    memcpy(kind, text, len);
    kind[len] = '\0';
    while (kinds[i] != NULL && strcmp(kinds[i], kind) != 0)
        i++;
    return kinds[i] != NULL;
}

static void refuse_kind(lua_State *L, const char *path, const char *field)
{
    bool is_text = lua_type(L, -1) == LUA_TSTRING, is_optional;
    char kind[MAX_KIND] = "";
    const char *text = is_text ? lua_tostring(L, -1) : luaL_typename(L, -1), *hint;

    (void)split_kind(text, kind, &is_optional); /* it is none: the word is for the hint */
    hint = is_text ? tq_hint_find(kind, kinds) : NULL;
    if (hint != NULL)
        (void)luaL_error(L, "%s.%s: unknown type \"%s\" (did you mean \"%s\"?)", path, field, text,
                         hint);
    (void)luaL_error(
        L,
        "%s.%s: must be string, number, integer, boolean, object, array or any, with a "
        "? if it may be absent, or a table of such fields, not %s",
        path, field, text);
}

/* Pushes the smallest field of the schema at index that is greater than `after`; NULL: there is no
   more, and nothing is pushed. */
static const char *push_next_field(lua_State *L, int index, const char *after, const char *path)
{
    const char *best = NULL;

    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            (void)luaL_error(L, "%s: the names of fields must be texts, not %s", path,
                             luaL_typename(L, -1));

        const char *name = lua_tostring(L, -1);

        if ((after == NULL || strcmp(name, after) > 0) && (best == NULL || strcmp(name, best) < 0))
            best = name;
    }
    if (best != NULL)
        (void)lua_pushstring(L, best);
    return best;
}

/* Pushes the list for the schema at index. */
static void push_list(lua_State *L, int index, const char *path, int depth)
{
    const char *field = NULL;
    char kind[MAX_KIND];
    bool is_optional;
    lua_Integer n = 0;
    int list = lua_gettop(L) + 1;

    if (depth > MAX_DEPTH)
        (void)luaL_error(L, "%s: nested too deep", path);
    luaL_checkstack(L, 10, NULL);
    lua_createtable(L, 8, 0);
    while ((field = push_next_field(L, index, field, path)) != NULL) {
        (void)lua_getfield(L, index, field); /* not nil */
        if (lua_istable(L, -1)) {
            const char *inner = lua_pushfstring(L, "%s.%s", path, field);

            push_list(L, list + 2, inner, depth + 1);
            lua_replace(L, list + 2);
            lua_pop(L, 1);
        } else if (lua_type(L, -1) != LUA_TSTRING ||
                   !split_kind(lua_tostring(L, -1), kind, &is_optional)) {
            refuse_kind(L, path, field);
        }
        lua_rawseti(L, list, n + 2);
        lua_rawseti(L, list, n + 1); /* the list keeps the name, and so field is valid */
        n += 2;
    }
}

int tq_payload_read(lua_State *L, const char *root)
{
    push_list(L, lua_gettop(L), root, 1);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

/* ---- checking ---- */

static bool is_null(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == NULL;
}

static const char *kind_of(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        return lua_isinteger(L, index) ? "integer" : "number";
    case LUA_TTABLE:
        return tq_json_is_marked(L, index) || lua_rawlen(L, index) > 0 ? "array" : "object";
    case LUA_TLIGHTUSERDATA:
        return "null";
    default:
        return luaL_typename(L, index); /* string, boolean, nil, and what is no JSON */
    }
}

static const char *with_article(lua_State *L, const char *kind)
{
    if (strcmp(kind, "null") == 0 || strcmp(kind, "nil") == 0)
        return kind;
    return lua_pushfstring(L, "%s %s", strchr("aio", *kind) != NULL ? "an" : "a", kind);
}

static bool fits(const char *expected, const char *actual)
{
    return strcmp(expected, actual) == 0 || strcmp(expected, "any") == 0 ||
           (strcmp(expected, "number") == 0 && strcmp(actual, "integer") == 0);
}

static const char *check_object(lua_State *L, int list, int value, const char *path);

/* The value on top against the type below it: NULL, or a message. */
static const char *check_field(lua_State *L, const char *path)
{
    int value = lua_gettop(L), type = value - 1;
    const char *actual = kind_of(L, value);
    char expected[MAX_KIND];
    bool is_optional;

    if (lua_istable(L, type) && lua_isnil(L, value))
        return lua_pushfstring(L, "%s: is missing, must be an object", path);
    if (lua_istable(L, type))
        return check_object(L, type, value, path);
    (void)split_kind(lua_tostring(L, type), expected, &is_optional); /* it was read */
    if (lua_isnil(L, value))
        return is_optional
                   ? NULL
                   : lua_pushfstring(L, "%s: is missing, must be %s", path,
                                     strcmp(expected, "any") == 0 ? "there"
                                                                  : with_article(L, expected));
    if (fits(expected, actual) || (is_optional && is_null(L, value)))
        return NULL;
    return lua_pushfstring(L, "%s: must be %s, not %s", path, with_article(L, expected),
                           with_article(L, actual));
}

/* Leaves things on the stack when there is a message. */
static const char *check_object(lua_State *L, int list, int value, const char *path)
{
    int top = lua_gettop(L);

    luaL_checkstack(L, 12, NULL);
    if (strcmp(kind_of(L, value), "object") != 0)
        return lua_pushfstring(L, "%s: must be an object, not %s", path,
                               with_article(L, kind_of(L, value)));
    for (lua_Integer i = 1; lua_rawgeti(L, list, i) != LUA_TNIL; i += 2) {
        const char *inner = lua_pushfstring(L, "%s.%s", path, lua_tostring(L, -1));

        (void)lua_rawgeti(L, list, i + 1); /* a text or a list */
        lua_pushvalue(L, top + 1);
        (void)lua_rawget(L, value); /* any type: it is checked */

        const char *message = check_field(L, inner);

        if (message != NULL)
            return message;
        lua_settop(L, top);
    }
    lua_settop(L, top);
    return NULL;
}

const char *tq_payload_check(lua_State *L, int schema_ref, int index)
{
    int value = lua_absindex(L, index);

    luaL_checkstack(L, 4, NULL);
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, schema_ref); /* a list */

    const char *message = check_object(L, lua_gettop(L), value, "payload");

    if (message == NULL)
        lua_pop(L, 1);
    return message;
}
