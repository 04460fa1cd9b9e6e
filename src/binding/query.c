// SPDX-License-Identifier: MIT
//
// taskq.query(sql, ...): one statement on a connection of the thread's. Parameters go out as texts,
// whose types the server infers; rows come in as tables by column.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "binding/module.h"
#include "script/context.h"

enum { MAX_PARAMETERS = 65535, MAX_JSON_BYTES = 64 * 1024 * 1024 };

/* ---- parameters ---- */

/* The text of the number at index: 15 digits, or as many more as it takes to read back the same. */
static void push_number(lua_State *L, int index)
{
    double number = lua_tonumber(L, index);
    char text[32];

    if (lua_isinteger(L, index)) {
        (void)lua_pushfstring(L, "%I", lua_tointeger(L, index));
        return;
    }
    (void)snprintf(text, sizeof text, "%.15g",
                   number); /* inf and nan too, as the server reads them */
    if (strtod(text, NULL) != number)
        (void)snprintf(text, sizeof text, "%.17g", number);
    (void)lua_pushstring(L, text);
}

/* Replaces the value at index by its text; nil stays, and null becomes nil. */
static void to_text(lua_State *L, int index, const char *name)
{
    const struct tq_json_rules rules = {
        .root = name, .max_bytes = MAX_JSON_BYTES, .is_placed = true};
    const struct tq_json_text *json = tq_context_json(L);

    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return;
    case LUA_TBOOLEAN:
        (void)lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        push_number(L, index);
        break;
    case LUA_TSTRING:
        if (strlen(lua_tostring(L, index)) != lua_rawlen(L, index))
            (void)luaL_error(L, "%s: PostgreSQL cannot take a text with a zero byte", name);
        return;
    case LUA_TTABLE:
        tq_json_encode(L, index, &rules, tq_context_json(L));
        (void)lua_pushlstring(L, json->data, json->len);
        break;
    default:
        if (!lua_islightuserdata(L, index) || lua_touserdata(L, index) != NULL)
            (void)luaL_error(L, "%s: a %s cannot be a parameter", name, luaL_typename(L, index));
        lua_pushnil(L);
    }
    lua_replace(L, index);
}

const char **tq_binding_check_parameters(lua_State *L, int first, int *count)
{
    *count = lua_gettop(L) - first + 1;
    if (*count > MAX_PARAMETERS)
        (void)luaL_error(L, "%d parameters: %d at most", *count, MAX_PARAMETERS);
    luaL_checkstack(L, 4, "too many parameters");
    for (int i = 0; i < *count; i++) {
        const char *name = lua_pushfstring(L, "parameter $%d", i + 1);

        to_text(L, first + i, name);
        lua_pop(L, 1);
    }

    const char **values = lua_newuserdatauv(L, (size_t)*count * sizeof *values + 1, 0);

    for (int i = 0; i < *count; i++)
        values[i] = lua_tostring(L, first + i);
    return values;
}

/* ---- rows ---- */

void tq_binding_push_cell(lua_State *L, const struct tq_column *column, const char *text,
                          size_t len)
{
    if (text == NULL) {
        lua_pushnil(L);
        return;
    }
    switch (column->kind) {
    case TQ_CELL_BOOL:
        lua_pushboolean(L, *text == 't');
        return;
    case TQ_CELL_INTEGER:
        lua_pushinteger(L, strtoll(text, NULL, 10));
        return;
    case TQ_CELL_NUMBER:
        lua_pushnumber(L, strtod(text, NULL));
        return;
    case TQ_CELL_JSON:
        tq_json_decode(L, text, len, column->name);
        return;
    case TQ_CELL_TEXT:
        (void)lua_pushlstring(L, text, len);
    }
}

/* Each column's name is made once, and is below the rows on the stack. */
static void push_rows(lua_State *L, const struct tq_table *table)
{
    int names = lua_gettop(L), columns = (int)table->column_count;
    size_t place = 0, len;

    luaL_checkstack(L, columns + 6, "too many columns");
    for (int i = 0; i < columns; i++)
        (void)lua_pushstring(L, table->columns[i].name);
    lua_createtable(L, (int)table->row_count, 1);
    lua_pushinteger(L, table->affected);
    lua_setfield(L, -2, "affected");
    for (size_t row = 1; row <= table->row_count; row++) {
        lua_createtable(L, 0, columns);
        for (int i = 0; i < columns; i++) {
            const char *text = tq_table_read_cell(table, &place, &len);

            if (text == NULL)
                continue;
            lua_pushvalue(L, names + 1 + i);
            tq_binding_push_cell(L, &table->columns[i], text, len);
            lua_rawset(L, -3);
        }
        lua_rawseti(L, -2, (lua_Integer)row);
    }
}

int tq_binding_push_failure(lua_State *L, const struct tq_err *err)
{
    luaL_pushfail(L);
    (void)lua_pushstring(L, err->message);
    (void)lua_pushstring(L, err->sqlstate);
    return 3;
}

static int finish_query(lua_State *L, void *state)
{
    const struct tq_query_wait *query = state;

    if (!query->wait.is_ok)
        return tq_binding_push_failure(L, &query->wait.err);
    push_rows(L, &query->table);
    return 1;
}

int tq_binding_run_query(lua_State *L, const char *what, const struct tq_host_query *query,
                         int (*finish)(lua_State *L, void *wait))
{
    struct tq_run *run = tq_context_check_wait(L, what);
    const struct tq_host *host = tq_binding_host(L);
    struct tq_host_query given = *query;

    given.max_bytes = tq_context_memory_limit(run);
    return tq_binding_wait(L, &host->query(host->owner, run, &given)->wait, finish);
}

static int run_text(lua_State *L, const char *what)
{
    struct tq_host_query query = {.kind = TQ_STATEMENT_OF_HANDLER};

    luaL_checktype(L, 1, LUA_TSTRING);
    query.sql = lua_tostring(L, 1);
    luaL_argcheck(L, strlen(query.sql) == lua_rawlen(L, 1), 1, "SQL without zero bytes expected");
    query.values = tq_binding_check_parameters(L, 2, &query.count);
    return tq_binding_run_query(L, what, &query, finish_query);
}

int tq_binding_query(lua_State *L)
{
    return run_text(L, "taskq.query");
}

void tq_binding_check_open(lua_State *L, const char *what)
{
    const struct tq_host *host = tq_binding_host(L);
    struct tq_run *run = tq_context_run(L);

    if (run == NULL || host->transaction_state(host->owner, run) != TQ_TRANSACTION_OPEN)
        (void)luaL_error(L, "%s: the transaction is over; use taskq.query", what);
}

int tq_binding_db_query(lua_State *L)
{
    tq_binding_check_open(L, "db.query");
    return run_text(L, "db.query");
}
