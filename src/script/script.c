// SPDX-License-Identifier: MIT
//
// Making and closing a state. Everything that can raise runs in a protected call; what cannot be
// caught (Lua's panic) is a broken invariant and aborts.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "script/source.h"
#include "script/state.h"

enum { LOADING_US = 1000 * 1000 };

static const size_t DEFAULT_CAP_BYTES = 256 * 1024 * 1024;

static int on_panic(lua_State *L)
{
    const char *message = lua_tostring(L, -1);

    (void)fprintf(stderr, "taskq: Lua error outside of a protected call: %s\n",
                  message != NULL ? message : "?");
    abort();
}

static int p_open(lua_State *L)
{
    struct tq_script *script = tq_script_of(L);

    lua_pushliteral(L, "stopped: the time limit has passed");
    script->stop_message_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    tq_json_open(L);
    tq_context_open(L);
    tq_sandbox_open(L);
    return 0;
}

static bool set_error(struct tq_script *script, int status, struct tq_err *err)
{
    const char *file = script->loading != NULL ? script->loading->name : "the Lua state";
    const char *text = lua_type(script->L, -1) == LUA_TSTRING ? lua_tostring(script->L, -1) : NULL;

    if (status == LUA_ERRMEM)
        return tq_err_set(err, TQ_ERR_HANDLERS, 0, "%s: needs more than %zu MB of memory to load",
                          file, script->cap_bytes / (1024 * 1024));
    if (script->is_ending)
        return tq_err_set(err, TQ_ERR_HANDLERS, 0,
                          "%s: its top level ran for more than %d ms; move the work into a handler",
                          file, LOADING_US / 1000);
    if (text == NULL)
        return tq_err_set(err, TQ_ERR_HANDLERS, 0, "%s: raised an error that is a %s", file,
                          luaL_typename(script->L, -1));
    if (strstr(text, ".lua") == NULL)
        return tq_err_set(err, TQ_ERR_HANDLERS, 0, "%s: %s", file, text);
    return tq_err_set(err, TQ_ERR_HANDLERS, 0, "%s", text);
}

static int compare_handlers(const void *a, const void *b)
{
    const struct tq_handler *left = a, *right = b;

    return strcmp(left->type, right->type);
}

/* Within a time limit of its own. */
static bool run_loader(struct tq_script *script, lua_CFunction loader,
                       const struct tq_source_file *file, struct tq_err *err)
{
    lua_State *L = script->L;

    tq_slice_limit(script, LOADING_US);
    tq_slice_begin(script, TQ_PHASE_LOADING, L);
    lua_pushcfunction(L, loader);
    lua_pushlightuserdata(L, (void *)(uintptr_t)file);

    int status = lua_pcall(L, 1, 0, 0);

    tq_slice_end(script);
    lua_sethook(L, NULL, 0, 0);
    if (status != LUA_OK)
        (void)set_error(script, status, err);
    lua_settop(L, 0);
    return status == LUA_OK;
}

static void load_all_the_same(struct tq_script *script)
{
    static const enum tq_file_kind kinds[] = {TQ_FILE_HANDLERS, TQ_FILE_LISTENER, TQ_FILE_MODULE};
    struct tq_err err;

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (size_t i = 0; i < script->source->count; i++) {
            const struct tq_source_file *file = &script->source->files[i];

            if (file->kind == kinds[k] && !run_loader(script, tq_loader_load_file, file, &err))
                script->config.on_problem(script->config.owner, err.message);
        }
    }
}

static bool load(struct tq_script *script, struct tq_err *err)
{
    lua_State *L = script->L;

    if (script->config.on_problem != NULL)
        load_all_the_same(script);
    else if (!run_loader(script, tq_loader_load, NULL, err))
        return false;
    if (script->handler_count > 0)
        qsort(script->handlers, script->handler_count, sizeof *script->handlers, compare_handlers);
    script->is_sorted = true;
    (void)lua_gc(L, LUA_GCCOLLECT); /* returns 0 */
    script->baseline_bytes = script->bytes;
    script->pressed_bytes = script->cap_bytes / 5 * 4;
    return true;
}

bool tq_script_new(const struct tq_script_config *config, struct tq_source *source,
                   struct tq_script **script, struct tq_err *err)
{
    struct tq_script *made = tq_zalloc(sizeof *made);

    made->config = *config;
    made->cap_bytes = config->memory_cap_bytes > 0 ? config->memory_cap_bytes : DEFAULT_CAP_BYTES;
    made->source = source;
    tq_source_ref(source);
    made->L = lua_newstate(tq_budget_alloc, made);
    if (made->L == NULL) {
        (void)tq_err_set(err, TQ_ERR_HANDLERS, 0, "no memory for a Lua state");
        goto free_script;
    }
    (void)lua_atpanic(made->L, on_panic); /* returns the old one: none */
    *tq_thread_word(made->L) = (uintptr_t)made;
    lua_pushcfunction(made->L, p_open);

    int status = lua_pcall(made->L, 0, 0, 0);

    if (status != LUA_OK) {
        (void)set_error(made, status, err);
        goto free_script;
    }
    if (!load(made, err))
        goto free_script;
    *script = made;
    return true;

free_script:
    tq_script_free(made);
    return false;
}

void tq_script_free(struct tq_script *script)
{
    while (script->idle_runs != NULL) {
        struct tq_run *run = script->idle_runs;

        script->idle_runs = run->next;
        tq_run_destroy(run);
    }
    if (script->L != NULL)
        lua_close(script->L);
    if (script->bytes != 0)
        tq_log(TQ_LOG_ERROR, "script", "a closed Lua state still holds memory", "bytes=%zu",
               script->bytes);
    for (size_t i = 0; i < script->handler_count; i++)
        free((void *)(uintptr_t)script->handlers[i].type);
    free(script->handlers);
    for (int kind = 0; kind < TQ_EVENT_COUNT; kind++)
        free(script->listeners[kind].items);
    free(script->json.data);
    tq_source_unref(script->source);
    free(script);
}

void tq_script_set_host(struct tq_script *script, const void *host)
{
    script->config.host = host;
}

size_t tq_script_handler_count(const struct tq_script *script)
{
    return script->handler_count;
}

const struct tq_handler *tq_script_handler(const struct tq_script *script, size_t index)
{
    return &script->handlers[index];
}

const struct tq_handler *tq_script_find(const struct tq_script *script, const char *type)
{
    struct tq_handler key = {.type = type};

    if (script->is_sorted && script->handler_count > 0)
        return bsearch(&key, script->handlers, script->handler_count, sizeof key, compare_handlers);
    for (size_t i = 0; i < script->handler_count; i++) {
        if (strcmp(script->handlers[i].type, type) == 0)
            return &script->handlers[i];
    }
    return NULL;
}

size_t tq_script_memory_bytes(const struct tq_script *script)
{
    return script->bytes;
}
