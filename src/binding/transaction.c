// SPDX-License-Identifier: MIT
//
// context.transaction(fn), and what lua/taskq/transaction.lua makes it of: begin, which gives the
// `db` that fn gets and that rolls back when it is closed, and commit. How a transaction ends is
// the host's.
#include <lauxlib.h>

#include "binding/module.h"
#include "script/context.h"

enum { MAX_RESULT_BYTES = 1024 * 1024 };

static const char db_meta_key = 0; /* its address is the registry key */

static enum tq_transaction_state state_of(lua_State *L)
{
    const struct tq_host *host = tq_binding_host(L);
    struct tq_run *run = tq_context_run(L);

    return run != NULL ? host->transaction_state(host->owner, run) : TQ_TRANSACTION_NONE;
}

static int push_failure(lua_State *L, const struct tq_wait *wait)
{
    tq_context_note_rollback(tq_context_run(L), wait->err.message);
    return tq_binding_push_failure(L, &wait->err);
}

static int finish_begin(lua_State *L, void *state)
{
    const struct tq_wait *wait = state;

    if (!wait->is_ok)
        return push_failure(L, wait);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, tq_binding_db_query);
    lua_setfield(L, -2, "query");
    lua_pushcfunction(L, tq_binding_db_enqueue);
    lua_setfield(L, -2, "enqueue");
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &db_meta_key); /* always a table */
    (void)lua_setmetatable(L, -2);                         /* always returns 1 */
    return 1;
}

int tq_binding_begin(lua_State *L)
{
    struct tq_run *run = tq_context_check_wait(L, "context.transaction");
    const struct tq_host *host = tq_binding_host(L);

    if (state_of(L) != TQ_TRANSACTION_NONE)
        return luaL_error(L, "a transaction is open already");
    return tq_binding_wait(L, host->begin(host->owner, run), finish_begin);
}

/* The result of the task is at index 1, and is what is returned. */
static int finish_commit(lua_State *L, void *state)
{
    const struct tq_wait *wait = state;

    if (!wait->is_ok)
        return push_failure(L, wait);
    tq_context_note_rollback(tq_context_run(L), NULL);
    lua_settop(L, 1);
    return 1;
}

int tq_binding_commit(lua_State *L)
{
    static const struct tq_json_rules rules = {.root = "context.transaction: the result",
                                               .max_bytes = MAX_RESULT_BYTES,
                                               .is_for_jsonb = true,
                                               .is_placed = true};
    struct tq_run *run = tq_context_check_wait(L, "context.transaction");
    const struct tq_host *host = tq_binding_host(L);

    lua_settop(L, 1);
    if (state_of(L) != TQ_TRANSACTION_OPEN)
        return luaL_error(L, "no transaction is open");
    if (!lua_isnil(L, 1))
        tq_json_encode(L, 1, &rules, tq_context_json(L));
    return tq_binding_wait(
        L, host->commit(host->owner, run, lua_isnil(L, 1) ? NULL : tq_context_json(L)->data),
        finish_commit);
}

static int finish_roll_back(lua_State *L, void *wait)
{
    (void)L;
    (void)wait; /* however it ended, nothing of it is left */
    return 0;
}

/* __close of db: an error left the function, or the handler is being stopped. */
static int close_db(lua_State *L)
{
    const struct tq_host *host = tq_binding_host(L);
    struct tq_run *run = tq_context_run(L);

    if (state_of(L) != TQ_TRANSACTION_OPEN)
        return 0;
    if (!tq_context_can_wait(L)) {
        host->abandon(host->owner, run);
        return 0;
    }
    (void)tq_context_check_wait(L, "context.transaction"); /* the run */
    return tq_binding_wait(L, host->roll_back(host->owner, run), finish_roll_back);
}

static int return_all(lua_State *L, int status, lua_KContext unused)
{
    (void)status; /* LUA_YIELD, by the nature of a continuation */
    (void)unused;
    return lua_gettop(L);
}

int tq_binding_transaction(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    (void)tq_context_check_wait(L, "context.transaction"); /* the run */
    if (state_of(L) == TQ_TRANSACTION_OPEN)
        return luaL_error(L, "context.transaction: one is open already; they do not nest");
    if (state_of(L) == TQ_TRANSACTION_DONE)
        return luaL_error(L, "context.transaction: an earlier one has settled the task; "
                             "use taskq.query for what comes after it");
    tq_context_require(L, "taskq.transaction");
    lua_insert(L, 1);
    lua_callk(L, 1, LUA_MULTRET, 0, return_all);
    return lua_gettop(L);
}

void tq_binding_open_transaction(lua_State *L)
{
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, close_db);
    lua_setfield(L, -2, "__close");
    lua_pushliteral(L, "db");
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &db_meta_key);
}
