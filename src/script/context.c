// SPDX-License-Identifier: MIT
//
// The context of a handler, and waiting. A context is an empty table until the handler reads
// something from it: its fields are made on first use and kept, so that a handler that needs none
// pays for none. Which run a context belongs to is never stored: it is the run of the slice.
#include "script/context.h"

#include <string.h>

#include "script/payload.h"
#include "script/place.h"
#include "script/state.h"

const void *tq_context_host(lua_State *L)
{
    return tq_script_of(L)->config.host;
}

struct tq_run *tq_context_run(lua_State *L)
{
    return tq_script_of(L)->run;
}

const struct tq_run_task *tq_context_task(const struct tq_run *run)
{
    return &run->task;
}

size_t tq_context_memory_limit(const struct tq_run *run)
{
    return run->limit_bytes;
}

void tq_context_note_shutdown(struct tq_run *run)
{
    run->is_shutdown_seen = true;
}

bool tq_context_is_cancelled(const struct tq_run *run)
{
    return run->interrupt == TQ_STOP_CANCELLED || run->stop == TQ_STOP_CANCELLED;
}

void tq_context_note_rollback(struct tq_run *run, const char *reason)
{
    tq_buf_clear(&run->rollback);
    if (reason != NULL)
        tq_outcome_add_text(&run->rollback, reason, strlen(reason));
}

bool tq_context_can_wait(lua_State *L)
{
    const struct tq_script *script = tq_script_of(L);

    return tq_slice_can_yield(script, L) && !script->run->is_interrupt_due;
}

const char *tq_context_check_payload(lua_State *L, const char *type, int index)
{
    const struct tq_handler *handler = tq_script_find(tq_script_of(L), type);

    if (handler == NULL || handler->payload_ref == LUA_NOREF)
        return NULL;
    return tq_payload_check(L, handler->payload_ref, index);
}

struct tq_json_text *tq_context_json(lua_State *L)
{
    return &tq_script_of(L)->json;
}

void tq_context_add_module(lua_State *L, const char *name)
{
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, tq_script_of(L)->loaded_ref); /* always a table */
    tq_view_push(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 2);
}

void tq_context_push_view(lua_State *L)
{
    tq_view_push(L, -1);
    lua_remove(L, -2);
}

void tq_context_require(lua_State *L, const char *name)
{
    lua_pushcfunction(L, tq_require);
    (void)lua_pushstring(L, name);
    lua_call(L, 1, 1);
}

void tq_context_add_functions(lua_State *L, const luaL_Reg *functions)
{
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, tq_script_of(L)->context_ref); /* always a table */
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}

/* Pushes `context.task` of the run: everything but the payload, which task_index decodes. */
void tq_context_push_task(lua_State *L, struct tq_script *script)
{
    const struct tq_run_task *task = &script->run->task;

    lua_createtable(L, 0, 11);
    lua_pushinteger(L, task->id);
    lua_setfield(L, -2, "id");
    (void)lua_pushstring(L, task->type);
    lua_setfield(L, -2, "type");
    lua_pushinteger(L, task->priority);
    lua_setfield(L, -2, "priority");
    lua_pushinteger(L, task->attempt);
    lua_setfield(L, -2, "attempt");
    lua_pushinteger(L, task->attempt);
    lua_setfield(L, -2, "attempts");
    lua_pushinteger(L, task->max_attempts);
    lua_setfield(L, -2, "max_attempts");
    lua_pushinteger(L, task->claims);
    lua_setfield(L, -2, "claims");
    lua_pushnumber(L, (lua_Number)task->created_at_us / 1000);
    lua_setfield(L, -2, "created_at");
    lua_pushnumber(L, (lua_Number)task->scheduled_at_us / 1000);
    lua_setfield(L, -2, "scheduled_at");
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, script->task_meta_ref); /* always a table */
    (void)lua_setmetatable(L, -2);                                  /* always returns 1 */
}

/* __index of contexts; upvalue 1 is the table of functions. */
static int context_index(lua_State *L)
{
    struct tq_script *script = tq_script_of(L);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";

    if (script->run == NULL) {
        lua_pushnil(L);
    } else if (strcmp(key, "task") == 0) {
        tq_context_push_task(L, script);
    } else if (strcmp(key, "worker_id") == 0) {
        (void)lua_pushstring(L, script->run->task.worker_id);
    } else {
        lua_pushvalue(L, 2);
        (void)lua_rawget(L, lua_upvalueindex(1)); /* nil is an answer too */
        return 1;
    }
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

/* __index of tasks. A task that outlived its run has lost its payload if it was not read before. */
static int task_index(lua_State *L)
{
    struct tq_run *run = tq_script_of(L)->run;

    if (run == NULL || lua_type(L, 2) != LUA_TSTRING || strcmp(lua_tostring(L, 2), "payload") != 0)
        return 0;
    lua_pushliteral(L, "id");
    (void)lua_rawget(L, 1); /* any type: it is compared */
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) != run->task.id)
        return 0;
    tq_json_decode(L, run->task.payload, run->task.payload_len, "payload");
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

void tq_context_open(lua_State *L)
{
    struct tq_script *script = tq_script_of(L);

    lua_newtable(L);
    lua_pushvalue(L, -1);
    script->context_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_createtable(L, 0, 2);
    lua_insert(L, -2);
    lua_pushcclosure(L, context_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "context");
    lua_setfield(L, -2, "__metatable");
    script->context_meta_ref = luaL_ref(L, LUA_REGISTRYINDEX);

    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, task_index);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "task");
    lua_setfield(L, -2, "__metatable");
    script->task_meta_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void tq_context_push(lua_State *L, struct tq_run *run)
{
    lua_createtable(L, 0, 0);
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, run->script->context_meta_ref); /* always a table */
    (void)lua_setmetatable(L, -2);                                          /* always returns 1 */
}

/* The name of the library function on top, such as "table.sort", or NULL. [-1, +(0|1), m] */
static const char *name_function(lua_State *L)
{
    int function = lua_gettop(L);

    (void)lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); /* lauxlib made it */
    lua_pushnil(L);
    while (lua_next(L, function + 1)) {
        lua_pushnil(L);
        while (lua_istable(L, function + 3) && lua_next(L, function + 3)) {
            if (lua_rawequal(L, -1, function) && lua_type(L, -2) == LUA_TSTRING) {
                const char *library = lua_tostring(L, function + 2);

                return strcmp(library, LUA_GNAME) == 0
                           ? lua_tostring(L, -2)
                           : lua_pushfstring(L, "%s.%s", library, lua_tostring(L, -2));
            }
            lua_pop(L, 1);
        }
        lua_settop(L, function + 2);
    }
    lua_settop(L, function - 1);
    return NULL;
}

/* What Lua cannot yield across, for the message: the innermost C function around the caller. */
static const char *find_barrier(struct tq_script *script, lua_State *L)
{
    lua_Debug ar;

    if (lua_isyieldable(L) && script->blocked > 0)
        return "the function that resumed this coroutine";
    luaL_checkstack(L, 10, NULL);
    for (int level = 1; lua_getstack(L, level, &ar) && lua_getinfo(L, "f", &ar); level++) {
        lua_CFunction function = lua_tocfunction(L, -1);

        if (function == NULL || function == script->pcall || function == tq_coroutine_xpcall ||
            function == tq_sandbox_call_late) {
            lua_pop(L, 1);
            continue;
        }

        const char *name = function == tq_require ? "require" : name_function(L);

        return name != NULL ? name : "this function";
    }
    return "this function";
}

void tq_context_push_place(lua_State *L)
{
    const struct tq_run *run = tq_script_of(L)->run;
    lua_Debug ar;

    tq_place_push(L);
    if (run == NULL || lua_rawlen(L, -1) > 0)
        return;
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, run->handler->function_ref); /* always a function */
    (void)lua_getinfo(L, ">S", &ar);                                     /* the options are valid */
    if (ar.linedefined > 0) {
        (void)lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.linedefined);
        lua_replace(L, -2);
    }
}

int tq_context_refuse(lua_State *L)
{
    lua_settop(L, 1);
    tq_context_push_place(L);
    lua_insert(L, 1);
    lua_concat(L, 2);
    return lua_error(L);
}

/* Raises "WHAT cannot wait WHERE". */
static void refuse_wait(lua_State *L, const char *what, const char *where)
{
    (void)lua_pushfstring(L, "%s cannot wait %s", what, where);
    lua_insert(L, 1);
    (void)tq_context_refuse(L);
}

struct tq_run *tq_context_check_wait(lua_State *L, const char *what)
{
    struct tq_script *script = tq_script_of(L);
    struct tq_run *run = script->run;

    if (script->phase == TQ_PHASE_LOADING)
        refuse_wait(L, what, "while the file is loaded; call it in a handler");
    if (script->phase != TQ_PHASE_RUNNING)
        refuse_wait(L, what, "while the task is being stopped");
    if (!tq_slice_can_yield(script, L))
        refuse_wait(
            L, what,
            lua_pushfstring(L, "inside %s: Lua cannot suspend it", find_barrier(script, L)));
    if (run->is_interrupt_due) {
        run->is_interrupt_due = false;
        (void)lua_pushstring(L, run->message);
        (void)lua_error(L);
    }
    tq_run_release_wait(run);
    return run;
}

const char *tq_context_push_text(lua_State *L, int index)
{
    size_t len;
    const char *text = luaL_tolstring(L, index, &len), *end = text + len;
    luaL_Buffer escaped;

    if (strlen(text) == len)
        return text;
    luaL_buffinit(L, &escaped);
    for (; text < end; text += strlen(text) + 1) {
        luaL_addstring(&escaped, text);
        if (text + strlen(text) < end)
            luaL_addstring(&escaped, "\\u0000");
    }
    luaL_pushresult(&escaped);
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

static int finish_wait(lua_State *L, struct tq_run *run)
{
    int count = run->finish_wait(L, run->wait);

    tq_run_release_wait(run);
    return count;
}

static int go_on_waiting(lua_State *L, int status, lua_KContext unused)
{
    struct tq_run *run = tq_script_of(L)->run;

    (void)status; /* LUA_YIELD, by the nature of a continuation */
    (void)unused;
    if (!run->is_interrupt_due)
        return finish_wait(L, run);
    run->is_interrupt_due = false;
    tq_run_release_wait(run);
    (void)lua_pushstring(L, run->message);
    return lua_error(L);
}

int tq_context_wait(lua_State *L, void *wait, bool is_done, int (*finish)(lua_State *L, void *wait),
                    void (*release)(void *wait))
{
    struct tq_script *script = tq_script_of(L);

    script->run->wait = wait;
    script->run->finish_wait = finish;
    script->run->release_wait = release;
    if (is_done)
        return finish_wait(L, script->run);
    script->yielded = TQ_YIELD_WAIT;
    return lua_yieldk(L, 0, 0, go_on_waiting);
}
