// SPDX-License-Identifier: MIT
//
// taskq.log.debug, info, warn, error (message, fields): lines of the worker's log. Each carries the
// id, type and attempt of the task whose handler wrote it, then the fields in the order of their
// keys. From info on they are kept with the attempt too, whatever --log-level says.
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/log.h"
#include "binding/module.h"
#include "script/context.h"

enum { MAX_PAIRS = 32, TASK_PAIRS = 3, NUMBER_BYTES = 24, MAX_JSON_BYTES = 8 * 1024 };

static const struct tq_json_rules field_rules = {.root = "fields", .max_bytes = MAX_JSON_BYTES};

/* A key as the log wants it: whatever is not a letter, a digit or _ becomes _. Left on the stack.
 */
static const char *push_key(lua_State *L, int index)
{
    char key[64];
    const char *given = tq_context_push_text(L, index);

    (void)snprintf(key, sizeof key, "%s", given);
    for (char *at = key; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at))
            *at = '_';
    }
    lua_pop(L, 1);
    return lua_pushstring(L, key);
}

static int encode_field(lua_State *L)
{
    struct tq_json_text *json = tq_context_json(L);

    tq_json_encode(L, 1, &field_rules, json);
    (void)lua_pushlstring(L, json->data, json->len);
    return 1;
}

/* A value's text: numbers and booleans bare, tables as JSON; what is not JSON as tostring() has it,
   since a line of the log must not fail a task. Left on the stack. */
static struct tq_log_pair push_value(lua_State *L, int index)
{
    struct tq_log_pair pair = {0};
    int type = lua_type(L, index);

    pair.is_bare = type == LUA_TNUMBER || type == LUA_TBOOLEAN;
    if (type == LUA_TTABLE || (type == LUA_TNUMBER && !lua_isinteger(L, index))) {
        lua_pushcfunction(L, encode_field);
        lua_pushvalue(L, index);
        if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
            pair.value = lua_tostring(L, -1);
        } else {
            lua_pop(L, 1);
            pair.value = tq_context_push_text(L, index);
            pair.is_bare = false;
        }
    } else {
        pair.value = tq_context_push_text(L, index);
    }
    return pair;
}

/* lua_next() has another order in each state, and two lines of one statement should read alike. */
static int compare_keys(const void *a, const void *b)
{
    const struct tq_log_pair *left = a, *right = b;

    return strcmp(left->key, right->key);
}

static int write_line(lua_State *L, enum tq_log_level level)
{
    struct tq_log_pair pairs[MAX_PAIRS];
    char id[NUMBER_BYTES], attempt[NUMBER_BYTES];
    const char *message;
    struct tq_run *run = tq_context_run(L);
    const char *area = "handler";
    bool is_kept = run != NULL && level >= TQ_LOG_INFO;
    size_t count = 0, own;

    (void)luaL_checkstring(L, 1); /* it is one */
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TTABLE);
    if (!tq_log_enabled(level) && !is_kept)
        return 0;
    if (run != NULL) {
        const struct tq_run_task *task = tq_context_task(run);

        if (task->event != NULL)
            area = "listener";

        (void)snprintf(id, sizeof id, "%" PRId64, task->id);
        (void)snprintf(attempt, sizeof attempt, "%d", task->attempt);
        pairs[count++] = (struct tq_log_pair){"task", id, true};
        pairs[count++] = (struct tq_log_pair){"type", task->type, false};
        pairs[count++] = (struct tq_log_pair){"attempt", attempt, true};
    }
    own = count;
    luaL_checkstack(L, 4 * MAX_PAIRS, "too many fields");
    lua_settop(L, 2);
    message = tq_context_push_text(L, 1);
    lua_pushnil(L);
    while (count < MAX_PAIRS && lua_istable(L, 2) && lua_next(L, 2)) {
        int key = lua_absindex(L, -2), value = lua_absindex(L, -1);

        pairs[count] = push_value(L, value);
        pairs[count++].key = push_key(L, key);
        lua_pushvalue(L, key);
    }
    if (count > own)
        qsort(pairs + own, count - own, sizeof *pairs, compare_keys);
    tq_log_pairs(level, area, message, pairs, count);
    if (is_kept)
        tq_context_keep_line(run, level, message, pairs + own, count - own);
    return 0;
}

static int log_debug(lua_State *L)
{
    return write_line(L, TQ_LOG_DEBUG);
}

static int log_info(lua_State *L)
{
    return write_line(L, TQ_LOG_INFO);
}

static int log_warn(lua_State *L)
{
    return write_line(L, TQ_LOG_WARN);
}

static int log_error(lua_State *L)
{
    return write_line(L, TQ_LOG_ERROR);
}

static const luaL_Reg functions[] = {
    {"debug", log_debug}, {"info", log_info}, {"warn", log_warn},
    {"error", log_error}, {NULL, NULL},
};

void tq_binding_push_log(lua_State *L)
{
    luaL_newlib(L, functions);
    tq_context_push_view(L);
}
