// SPDX-License-Identifier: MIT
//
// The queue, from handlers: taskq.enqueue, enqueue_many, cancel, retry and stats. What is wrong
// with an argument is raised before anything is sent, with the place of the caller; what the server
// says is returned.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "binding/module.h"
#include "script/context.h"
#include "base/hint.h"
#include "script/value.h"

enum { MAX_TYPE_BYTES = 200, MAX_ATTEMPTS = 1000, MAX_PAYLOAD_BYTES = 4 * 1024 * 1024 };

static const double MAX_MS = 1e15;

/* The task at index `task` is being read for `what`, such as "taskq.enqueue". */
struct reader {
    lua_State *L;
    const char *what;
    int task;
};

static const char *const fields[] = {"type",         "payload", "priority", "max_attempts",
                                     "scheduled_at", "delay",   NULL};

/* Raises "what: field: reason, not VALUE", where the value is on top. */
static void refuse(const struct reader *reader, const char *field, const char *reason)
{
    lua_State *L = reader->L;
    const char *value = tq_value_push_name(L, -1);

    (void)luaL_error(L, "%s: %s %s, not %s", reader->what, field, reason, value);
}

static void refuse_unknown_fields(const struct reader *reader)
{
    lua_State *L = reader->L;

    lua_pushnil(L);
    while (lua_next(L, reader->task)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        const char *hint = tq_hint_find(name, fields);
        size_t i = 0;

        while (fields[i] != NULL && strcmp(fields[i], name) != 0)
            i++;
        if (fields[i] == NULL && hint != NULL)
            (void)luaL_error(L, "%s: unknown field \"%s\" (did you mean \"%s\"?)", reader->what,
                             name, hint);
        if (fields[i] == NULL)
            (void)luaL_error(L, "%s: unknown field \"%s\"", reader->what, name);
        lua_pop(L, 1);
    }
}

/* Pushes the field, nil also where it is taskq.null; false then. */
static bool push_field(const struct reader *reader, const char *field)
{
    lua_State *L = reader->L;

    (void)lua_pushstring(L, field);
    if (lua_rawget(L, reader->task) == LUA_TLIGHTUSERDATA && lua_touserdata(L, -1) == NULL) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    return !lua_isnil(L, -1);
}

static void push_type(const struct reader *reader)
{
    lua_State *L = reader->L;
    bool is_text = push_field(reader, "type") && lua_type(L, -1) == LUA_TSTRING;
    size_t len = is_text ? lua_rawlen(L, -1) : 0;

    if (len == 0 || len > MAX_TYPE_BYTES || strlen(lua_tostring(L, -1)) != len)
        refuse(reader, "type", "must be a text such as \"email:send\", of at most 200 bytes");
}

static void push_integer(const struct reader *reader, const char *field, lua_Integer least,
                         lua_Integer most)
{
    lua_State *L = reader->L;
    char reason[80];
    int is_integer;

    if (!push_field(reader, field))
        return;

    lua_Integer value = lua_tointegerx(L, -1, &is_integer);

    if (lua_type(L, -1) == LUA_TNUMBER && is_integer && value >= least && value <= most) {
        lua_pop(L, 1);
        lua_pushinteger(L, value); /* 5.0 is 5 */
        return;
    }
    (void)snprintf(reason, sizeof reason, "must be a whole number from %lld to %lld",
                   (long long)least, (long long)most);
    refuse(reader, field, reason);
}

static void push_ms(const struct reader *reader, const char *field, const char *reason)
{
    lua_State *L = reader->L;

    if (!push_field(reader, field))
        return;

    lua_Number ms = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;

    if (!(ms >= 0 && ms <= MAX_MS))
        refuse(reader, field, reason);
}

/* The payload is on top, the type below it. */
static void check_payload(const struct reader *reader)
{
    lua_State *L = reader->L;
    const char *message = tq_context_check_payload(L, lua_tostring(L, -2), -1);

    if (message != NULL)
        (void)luaL_error(L, "%s: %s", reader->what, message);
}

/* Any JSON, so taskq.null is one, as the JSON null is to every producer. */
static void push_payload(const struct reader *reader)
{
    lua_State *L = reader->L;

    lua_pushliteral(L, "payload");
    if (lua_rawget(L, reader->task) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    lua_createtable(L, 0, 0);
}

/* Pushes type, payload, priority, max_attempts, scheduled_at and delay, checked. [-0, +6, e] */
static void push_fields(const struct reader *reader)
{
    lua_State *L = reader->L;

    luaL_checkstack(L, 12, NULL);
    if (!lua_istable(L, reader->task)) {
        lua_pushvalue(L, reader->task);
        refuse(reader, "a task", "must be a table such as { type = \"email:send\" }");
    }
    refuse_unknown_fields(reader);
    push_type(reader);
    push_payload(reader);
    check_payload(reader);
    push_integer(reader, "priority", INT16_MIN, INT16_MAX);
    push_integer(reader, "max_attempts", 1, MAX_ATTEMPTS);
    push_ms(reader, "scheduled_at", "must be a time in milliseconds since the epoch");
    push_ms(reader, "delay", "must be a number of milliseconds, 0 or more");
    if (!lua_isnil(L, -1) && !lua_isnil(L, -2))
        (void)luaL_error(L, "%s: scheduled_at and delay exclude each other", reader->what);
}

/* Replaces the payload at index by its JSON. */
static void encode_payload(lua_State *L, int index, const char *what)
{
    const struct tq_json_rules rules = {
        .root = lua_pushfstring(L, "%s: payload", what),
        .max_bytes = MAX_PAYLOAD_BYTES,
        .is_for_jsonb = true,
        .is_placed = true,
    };
    const struct tq_json_text *json = tq_context_json(L);

    tq_json_encode(L, index, &rules, tq_context_json(L));
    (void)lua_pushlstring(L, json->data, json->len);
    lua_replace(L, index);
    lua_pop(L, 1);
}

static void push_next_cell(lua_State *L, const struct tq_table *table, size_t column, size_t *place)
{
    size_t len;
    const char *text = tq_table_read_cell(table, place, &len);

    tq_binding_push_cell(L, &table->columns[column], text, len);
}

/* ---- enqueue ---- */

/* The row: id, scheduled_at, created_at. Below it on the stack, from index 1: the task, type,
   payload as it was given, priority, max_attempts. */
static int finish_enqueue(lua_State *L, void *state)
{
    enum { TYPE = 2, PAYLOAD, PRIORITY, MAX_ATTEMPTS_GIVEN };
    static const char *const columns[] = {"id", "scheduled_at", "created_at"};
    const struct tq_query_wait *query = state;
    size_t place = 0;

    if (!query->wait.is_ok)
        return tq_binding_push_failure(L, &query->wait.err);
    lua_createtable(L, 0, 9);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        push_next_cell(L, &query->table, i, &place);
        lua_setfield(L, -2, columns[i]);
    }
    lua_pushvalue(L, TYPE);
    lua_setfield(L, -2, "type");
    lua_pushvalue(L, PAYLOAD);
    lua_setfield(L, -2, "payload");
    lua_pushvalue(L, PRIORITY);
    lua_setfield(L, -2, "priority");
    lua_pushvalue(L, MAX_ATTEMPTS_GIVEN);
    lua_setfield(L, -2, "max_attempts");
    lua_pushliteral(L, "pending");
    lua_setfield(L, -2, "status");
    lua_pushinteger(L, 0);
    lua_setfield(L, -2, "attempts");
    return 1;
}

static int enqueue(lua_State *L, const char *what)
{
    enum { TASK = 1, PAYLOAD = 3, PRIORITY, KEPT = 7, PARAMETERS = 8 };
    struct tq_host_query query = {.kind = TQ_STATEMENT_ENQUEUE};
    const struct reader reader = {.L = L, .what = what, .task = TASK};

    lua_settop(L, TASK);
    push_fields(&reader);
    if (lua_isnil(L, PRIORITY)) {
        lua_pushinteger(L, 0);
        lua_replace(L, PRIORITY);
    }
    for (int i = TASK + 1; i <= KEPT; i++) /* the parameters become texts; these stay */
        lua_pushvalue(L, i);
    encode_payload(L, PARAMETERS + PAYLOAD - 2, what);
    query.values = tq_binding_check_parameters(L, PARAMETERS, &query.count);
    return tq_binding_run_query(L, what, &query, finish_enqueue);
}

int tq_binding_enqueue(lua_State *L)
{
    return enqueue(L, "taskq.enqueue");
}

int tq_binding_db_enqueue(lua_State *L)
{
    tq_binding_check_open(L, "db.enqueue");
    return enqueue(L, "db.enqueue");
}

/* ---- the other ones: their answer is one cell, or one row ---- */

static int finish_value(lua_State *L, void *state)
{
    const struct tq_query_wait *query = state;
    size_t place = 0;

    if (!query->wait.is_ok)
        return tq_binding_push_failure(L, &query->wait.err);
    push_next_cell(L, &query->table, 0, &place);
    return 1;
}

static int finish_row(lua_State *L, void *state)
{
    const struct tq_query_wait *query = state;
    size_t place = 0;

    if (!query->wait.is_ok)
        return tq_binding_push_failure(L, &query->wait.err);
    lua_createtable(L, 0, (int)query->table.column_count);
    for (size_t i = 0; i < query->table.column_count; i++) {
        push_next_cell(L, &query->table, i, &place);
        lua_setfield(L, -2, query->table.columns[i].name);
    }
    return 1;
}

/* Replaces the task on top by a table with the keys that enqueue_tasks.sql reads. */
static void normalize(lua_State *L, const char *what)
{
    static const char *const keys[] = {"type",         "payload", "priority",
                                       "max_attempts", "at",      "delay"};
    enum { KEYS = sizeof keys / sizeof *keys };
    const struct reader reader = {.L = L, .what = what, .task = lua_gettop(L)};

    push_fields(&reader);
    lua_createtable(L, 0, KEYS);
    for (int i = 0; i < KEYS; i++) {
        lua_pushvalue(L, reader.task + 1 + i);
        lua_setfield(L, -2, keys[i]);
    }
    lua_replace(L, reader.task);
    lua_settop(L, reader.task);
}

/* One task, say, where a list of them belongs. */
static void check_is_empty(lua_State *L, int index)
{
    lua_pushnil(L);
    if (lua_next(L, index))
        (void)luaL_error(L, "taskq.enqueue_many: a list of tasks expected, such as "
                            "{ { type = \"email:send\" } }");
}

int tq_binding_enqueue_many(lua_State *L)
{
    enum { LIST = 1, TASKS = 2, MAX_JSON_BYTES = 64 * 1024 * 1024 };
    static const struct tq_json_rules rules = {
        .root = "taskq.enqueue_many: tasks",
        .max_bytes = MAX_JSON_BYTES,
        .is_for_jsonb = true,
        .is_placed = true,
    };
    struct tq_host_query query = {.kind = TQ_STATEMENT_ENQUEUE_MANY};
    const struct tq_json_text *json = tq_context_json(L);

    luaL_checktype(L, LIST, LUA_TTABLE);
    lua_settop(L, LIST);

    lua_Integer count = (lua_Integer)lua_rawlen(L, LIST);

    if (count == 0)
        check_is_empty(L, LIST);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        const char *what = lua_pushfstring(L, "taskq.enqueue_many: task %d", (int)i);

        (void)lua_rawgeti(L, LIST, i); /* any type: normalize() checks */
        normalize(L, what);
        lua_rawseti(L, TASKS, i);
        lua_pop(L, 1);
    }
    tq_json_push_array_mark(L);
    (void)lua_setmetatable(L, TASKS); /* always returns 1; an empty list is one too */
    tq_json_encode(L, TASKS, &rules, tq_context_json(L));
    lua_settop(L, 0);
    (void)lua_pushlstring(L, json->data, json->len);
    query.values = tq_binding_check_parameters(L, 1, &query.count);
    return tq_binding_run_query(L, "taskq.enqueue_many", &query, finish_value);
}

int tq_binding_cancel(lua_State *L)
{
    struct tq_host_query query = {.kind = TQ_STATEMENT_CANCEL};

    (void)luaL_checkinteger(L, 1); /* a parameter as it is */
    lua_settop(L, 1);
    query.values = tq_binding_check_parameters(L, 1, &query.count);
    return tq_binding_run_query(L, "taskq.cancel", &query, finish_value);
}

/* The options at index 2 become whether attempts are reset. */
static void read_retry_options(lua_State *L)
{
    bool is_resetting = false;

    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        lua_pushnil(L);
        while (lua_next(L, 2)) {
            if (lua_type(L, -2) != LUA_TSTRING ||
                strcmp(lua_tostring(L, -2), "reset_attempts") != 0)
                (void)luaL_error(L, "taskq.retry: unknown option \"%s\" (there is reset_attempts)",
                                 luaL_tolstring(L, -2, NULL));
            if (!lua_isboolean(L, -1))
                (void)luaL_error(L, "taskq.retry: reset_attempts must be a boolean, not %s",
                                 luaL_typename(L, -1));
            is_resetting = lua_toboolean(L, -1);
            lua_pop(L, 1);
        }
    }
    lua_settop(L, 1);
    lua_pushboolean(L, is_resetting);
}

int tq_binding_retry(lua_State *L)
{
    struct tq_host_query query = {.kind = TQ_STATEMENT_RETRY};

    (void)luaL_checkinteger(L, 1); /* a parameter as it is */
    read_retry_options(L);
    query.values = tq_binding_check_parameters(L, 1, &query.count);
    return tq_binding_run_query(L, "taskq.retry", &query, finish_value);
}

int tq_binding_stats(lua_State *L)
{
    struct tq_host_query query = {.kind = TQ_STATEMENT_STATS};

    lua_settop(L, 0);
    query.values = tq_binding_check_parameters(L, 1, &query.count);
    return tq_binding_run_query(L, "taskq.stats", &query, finish_row);
}
