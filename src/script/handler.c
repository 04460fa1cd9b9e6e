// SPDX-License-Identifier: MIT
//
// Reading one handler: the table that a file returns, field by field, into a struct tq_handler. A
// field that is wrong or unknown is an error that names file, field and reason:
//
//     handlers/email.lua: handler 2: timeout: must be a positive number of milliseconds, not "5s"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/hint.h"
#include "base/utf8.h"
#include "script/payload.h"
#include "script/source.h"
#include "script/state.h"
#include "script/value.h"

enum { MAX_ATTEMPTS = 1000, MAX_TYPE_BYTES = 200 };

static const double MAX_MS = 1e12; /* 31 years: nothing overflows when it is added to a time */
static const size_t DEFAULT_MEMORY_BYTES = 64 * 1024 * 1024, LEAST_MEMORY_BYTES = 1024 * 1024;

struct draft {
    lua_State *L;
    struct tq_handler handler;
    bool has_cap;
    const char *file;
    int item; /* in the list that the file returns, or 0 */
};

struct field {
    const char *name;
    void (*read)(struct draft *draft, const char *field); /* the value is on top; not nil */
};

/* Raises "file: field: reason, not VALUE", where the value is on top. */
static void refuse_value(struct draft *draft, const char *field, const char *reason)
{
    lua_State *L = draft->L;
    const char *value = tq_value_push_name(L, -1);

    if (draft->item > 0)
        (void)luaL_error(L, "%s: handler %d: %s: %s, not %s", draft->file, draft->item, field,
                         reason, value);
    (void)luaL_error(L, "%s: %s: %s, not %s", draft->file, field, reason, value);
}

static void refuse_name(struct draft *draft, const char *what, const char *name,
                        const char *const *known)
{
    const char *hint = tq_hint_find(name, known);
    const char *item =
        draft->item > 0 ? lua_pushfstring(draft->L, "handler %d: ", draft->item) : "";

    if (hint != NULL)
        (void)luaL_error(draft->L, "%s: %sunknown %s \"%s\" (did you mean \"%s\"?)", draft->file,
                         item, what, name, hint);
    (void)luaL_error(draft->L, "%s: %sunknown %s \"%s\"", draft->file, item, what, name);
}

/* Each field of the table on top is read by its row; a field without a row is refused. */
static void read_fields(struct draft *draft, const char *what, const struct field *fields)
{
    lua_State *L = draft->L;
    const char *known[16];
    size_t count = 0;

    for (; fields[count].name != NULL; count++)
        known[count] = fields[count].name;
    known[count] = NULL;

    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        const struct field *field = fields;

        while (field->name != NULL && strcmp(field->name, name) != 0)
            field++;
        if (field->name == NULL)
            refuse_name(draft, what, name, known);
        else
            field->read(draft, name);
        lua_pop(L, 1);
    }
}

static int64_t read_ms(struct draft *draft, const char *field)
{
    lua_Number ms = lua_type(draft->L, -1) == LUA_TNUMBER ? lua_tonumber(draft->L, -1) : 0;

    if (!(ms >= 1 && ms <= MAX_MS))
        refuse_value(draft, field, "must be a number of milliseconds, 1 or more");
    return (int64_t)ms;
}

static void read_type(struct draft *draft, const char *field)
{
    size_t len = 0;
    const char *type =
        lua_type(draft->L, -1) == LUA_TSTRING ? lua_tolstring(draft->L, -1, &len) : "";
    const char *at = type, *end = type + len;
    size_t width = 1;

    while (at < end && width > 0 && (unsigned char)*at >= 0x20 && *at != 0x7f) {
        width = tq_utf8_width(at, end);
        at += width;
    }
    if (len == 0 || len > MAX_TYPE_BYTES || at < end)
        refuse_value(draft, field, "must be a text such as \"email:send\", of at most 200 bytes");
    draft->handler.type = type;
}

static void read_handler(struct draft *draft, const char *field)
{
    if (!lua_isfunction(draft->L, -1))
        refuse_value(draft, field, "must be a function");
}

static void read_timeout(struct draft *draft, const char *field)
{
    draft->handler.timeout_ms = read_ms(draft, field);
}

static void read_max_attempts(struct draft *draft, const char *field)
{
    int is_integer;
    lua_Integer count = lua_tointegerx(draft->L, -1, &is_integer);

    if (lua_type(draft->L, -1) != LUA_TNUMBER || !is_integer || count < 1 || count > MAX_ATTEMPTS)
        refuse_value(draft, field, "must be a whole number from 1 to 1000");
    draft->handler.max_attempts = (int)count;
}

/* Errors in it name the file too. */
static void read_payload(struct draft *draft, const char *field)
{
    const char *root = draft->item > 0 ? lua_pushfstring(draft->L, "%s: handler %d: %s",
                                                         draft->file, draft->item, field)
                                       : lua_pushfstring(draft->L, "%s: %s", draft->file, field);

    lua_insert(draft->L, -2);
    if (!lua_istable(draft->L, -1))
        refuse_value(draft, field, "must be a table such as { to = \"string\" }");
    draft->handler.payload_ref = tq_payload_read(draft->L, root);
    lua_remove(draft->L, -2);
}

static void read_max_age(struct draft *draft, const char *field)
{
    draft->handler.max_age_ms = read_ms(draft, field);
}

static void read_memory_limit(struct draft *draft, const char *field)
{
    int is_integer;
    lua_Integer bytes = lua_tointegerx(draft->L, -1, &is_integer);

    if (lua_type(draft->L, -1) != LUA_TNUMBER || !is_integer ||
        bytes < (lua_Integer)LEAST_MEMORY_BYTES)
        refuse_value(draft, field, "must be a number of bytes, 1048576 or more");
    draft->handler.memory_limit_bytes = (size_t)bytes;
}

static void read_kind(struct draft *draft, const char *field)
{
    static const char *const kinds[] = {"polynomial", "exponential", "linear", "fixed", NULL};

    if (lua_type(draft->L, -1) != LUA_TSTRING)
        refuse_value(draft, field, "must be a text");
    else if (!tq_backoff_kind_parse(lua_tostring(draft->L, -1), &draft->handler.backoff.kind))
        refuse_name(draft, "backoff.kind", lua_tostring(draft->L, -1), kinds);
}

static void read_base(struct draft *draft, const char *field)
{
    (void)field;
    draft->handler.backoff.base_ms = read_ms(draft, "backoff.base");
}

static void read_cap(struct draft *draft, const char *field)
{
    (void)field;
    draft->handler.backoff.cap_ms = read_ms(draft, "backoff.cap");
    draft->has_cap = true;
}

static void read_jitter(struct draft *draft, const char *field)
{
    lua_Number jitter = lua_type(draft->L, -1) == LUA_TNUMBER ? lua_tonumber(draft->L, -1) : -1;

    (void)field;
    if (!(jitter >= 0 && jitter <= 1))
        refuse_value(draft, "backoff.jitter", "must be a number from 0 to 1");
    draft->handler.backoff.jitter = jitter;
}

static const struct field backoff_fields[] = {
    {"kind", read_kind},     {"base", read_base}, {"cap", read_cap},
    {"jitter", read_jitter}, {NULL, NULL},
};

static void read_backoff(struct draft *draft, const char *field)
{
    struct tq_backoff *backoff = &draft->handler.backoff;

    if (!lua_istable(draft->L, -1))
        refuse_value(draft, field, "must be a table such as { kind = \"fixed\", base = 5000 }");
    read_fields(draft, "field of backoff", backoff_fields);
    if (backoff->cap_ms >= backoff->base_ms)
        return;
    if (draft->has_cap) {
        lua_pushinteger(draft->L, backoff->cap_ms);
        refuse_value(draft, "backoff.cap", "must not be less than backoff.base");
    }
    backoff->cap_ms = backoff->base_ms;
}

static const struct field handler_fields[] = {
    {"type", read_type},
    {"handler", read_handler},
    {"timeout", read_timeout},
    {"max_attempts", read_max_attempts},
    {"max_age", read_max_age},
    {"payload", read_payload},
    {"backoff", read_backoff},
    {"memory_limit", read_memory_limit},
    {NULL, NULL},
};

static void require_field(struct draft *draft, const char *field, const char *reason)
{
    if (lua_getfield(draft->L, -1, field) == LUA_TNIL)
        refuse_value(draft, field, reason);
    lua_pop(draft->L, 1);
}

void tq_handler_add(lua_State *L, const char *file, int item)
{
    struct tq_script *script = tq_script_of(L);
    struct draft draft = {.L = L, .file = file, .item = item};

    draft.handler.backoff = tq_backoff_default;
    draft.handler.memory_limit_bytes = DEFAULT_MEMORY_BYTES;
    draft.handler.file = file;
    draft.handler.payload_ref = LUA_NOREF;
    read_fields(&draft, "field", handler_fields);
    require_field(&draft, "type", "must be a text such as \"email:send\"");
    require_field(&draft, "handler", "must be a function");

    const struct tq_handler *other = tq_script_find(script, draft.handler.type);

    if (other != NULL)
        (void)luaL_error(L, "%s: %stype: \"%s\" is already handled by %s", file,
                         item > 0 ? lua_pushfstring(L, "handler %d: ", item) : "",
                         draft.handler.type, other->file);
    (void)lua_getfield(L, -1, "handler"); /* a function, as checked */
    draft.handler.function_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    draft.handler.type = tq_strdup(draft.handler.type);

    script->handlers = tq_grow(script->handlers, &script->handler_capacity,
                               script->handler_count + 1, sizeof *script->handlers);
    script->handlers[script->handler_count++] = draft.handler;
}
