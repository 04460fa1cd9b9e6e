// SPDX-License-Identifier: MIT
//
// Registering listeners, and the event that each of them is given:
//
//     { type = "worker-task:failed", payload = { task = ..., error = { ... }, will_retry = true } }
#include <string.h>

#include "base/memory.h"
#include "base/hint.h"
#include "script/event.h"
#include "script/source.h"
#include "script/state.h"

#define PREFIX "worker-task:"

enum { TIME_LIMIT_MS = 5000, MEMORY_LIMIT_BYTES = 64 * 1024 * 1024 };

static const char *const names[TQ_EVENT_COUNT + 1] = {
    [TQ_EVENT_CREATED] = PREFIX "created",
    [TQ_EVENT_STARTED] = PREFIX "started",
    [TQ_EVENT_COMPLETED] = PREFIX "completed",
    [TQ_EVENT_FAILED] = PREFIX "failed",
    [TQ_EVENT_COUNT] = NULL, /* the end of the list */
};

const char *tq_event_name(enum tq_event_kind kind)
{
    return names[kind];
}

bool tq_script_listens(const struct tq_script *script, enum tq_event_kind kind)
{
    return script->listeners[kind].count > 0;
}

size_t tq_script_listener_count(const struct tq_script *script, enum tq_event_kind kind)
{
    return script->listeners[kind].count;
}

const struct tq_handler *tq_script_listener(const struct tq_script *script, enum tq_event_kind kind,
                                            size_t n)
{
    return &script->listeners[kind].items[n];
}

/* ---- registering ---- */

/* Of a name without the prefix too: "done" is far from everything, "complete" is not. */
static const char *find_hint(lua_State *L, const char *name)
{
    const char *hint = tq_hint_find(name, names);

    return hint != NULL ? hint : tq_hint_find(lua_pushfstring(L, PREFIX "%s", name), names);
}

static void refuse_name(lua_State *L, const char *name)
{
    const char *hint = find_hint(L, name);

    if (hint != NULL)
        (void)luaL_error(L, "taskq.on: there is no event \"%s\" (did you mean \"%s\"?)", name,
                         hint);
    (void)luaL_error(L, "taskq.on: there is no event \"%s\"; there are %s, %s, %s and %s", name,
                     names[TQ_EVENT_CREATED], names[TQ_EVENT_STARTED], names[TQ_EVENT_COMPLETED],
                     names[TQ_EVENT_FAILED]);
}

static enum tq_event_kind parse_name(lua_State *L, const char *name)
{
    for (int kind = 0; kind < TQ_EVENT_COUNT; kind++) {
        if (strcmp(names[kind], name) == 0)
            return (enum tq_event_kind)kind;
    }
    refuse_name(L, name); /* raises */
    return TQ_EVENT_COUNT;
}

void tq_listener_add(lua_State *L, const char *name, int index)
{
    struct tq_script *script = tq_script_of(L);
    enum tq_event_kind kind = parse_name(L, name);
    struct tq_listeners *list = &script->listeners[kind];

    if (script->phase != TQ_PHASE_LOADING)
        (void)luaL_error(L, "taskq.on: listeners are registered while the files below listeners/ "
                            "are loaded, not later");
    if (script->loading == NULL || script->loading->kind != TQ_FILE_LISTENER)
        (void)luaL_error(L, "taskq.on: belongs into a file below listeners/, such as "
                            "handlers/listeners/alerts.lua");
    list->items = tq_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    lua_pushvalue(L, index);
    list->items[list->count] = (struct tq_handler){
        .type = names[kind],
        .timeout_ms = TIME_LIMIT_MS,
        .memory_limit_bytes = MEMORY_LIMIT_BYTES,
        .file = script->loading->name,
        .function_ref = luaL_ref(L, LUA_REGISTRYINDEX),
    };
    list->count++;
}

/* ---- the event ---- */

static void set_text(lua_State *L, const char *field, const char *text)
{
    (void)lua_pushstring(L, text); /* nil for NULL */
    lua_setfield(L, -2, field);
}

static void add_completed(lua_State *L, const struct tq_event *event)
{
    lua_pushnumber(L, (lua_Number)event->duration_us / 1000);
    lua_setfield(L, -2, "duration");
    if (event->result == NULL)
        return;
    tq_json_decode(L, event->result, event->result_len, "result");
    lua_setfield(L, -2, "result");
}

static void add_failed(lua_State *L, const struct tq_event *event)
{
    lua_createtable(L, 0, 3);
    set_text(L, "message", event->error);
    set_text(L, "traceback", event->traceback);
    set_text(L, "kind", event->error_kind);
    lua_setfield(L, -2, "error");
    lua_pushboolean(L, event->will_retry);
    lua_setfield(L, -2, "will_retry");
}

void tq_listener_push_event(lua_State *L, struct tq_run *run)
{
    const struct tq_event *event = run->task.event;

    luaL_checkstack(L, 8, NULL);
    lua_createtable(L, 0, 2);
    set_text(L, "type", names[event->kind]);
    lua_createtable(L, 0, 4);
    tq_context_push_task(L, run->script);
    lua_setfield(L, -2, "task");
    if (event->kind == TQ_EVENT_STARTED)
        set_text(L, "worker_id", run->task.worker_id);
    else if (event->kind == TQ_EVENT_COMPLETED)
        add_completed(L, event);
    else if (event->kind == TQ_EVENT_FAILED)
        add_failed(L, event);
    lua_setfield(L, -2, "payload");
}
