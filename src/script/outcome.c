// SPDX-License-Identifier: MIT
//
// How a run ended, in the terms that the queue stores. The first group of functions runs at the end
// of the run's coroutine, protected by it; the second one runs outside of Lua.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "script/state.h"

enum { MAX_RESULT_BYTES = 1024 * 1024, MAX_ERROR_BYTES = 64 * 1024 };

/* A handler that knew that it was to end, and fails, did not fail by itself. */
static enum tq_stop interruption(const struct tq_run *run)
{
    if (run->interrupt != TQ_STOP_NONE && !run->is_interrupt_due)
        return run->interrupt;
    return run->is_shutdown_seen ? TQ_STOP_INTERRUPTED : TQ_STOP_NONE;
}

static const char *stop_name(enum tq_stop stop)
{
    static const char *const names[] = {
        [TQ_STOP_NONE] = "error",
        [TQ_STOP_TIMEOUT] = "timeout",
        [TQ_STOP_CANCELLED] = "cancelled",
        [TQ_STOP_MEMORY] = "memory",
        [TQ_STOP_INTERRUPTED] = "interrupted",
        [TQ_STOP_STUCK] = "stuck",
    };

    return names[stop];
}

static void set_failure(struct tq_run *run, const char *kind)
{
    struct tq_outcome *outcome = &run->outcome;

    outcome->stop = interruption(run);
    outcome->kind = outcome->stop == TQ_STOP_NONE ? TQ_OUTCOME_FAILURE : TQ_OUTCOME_STOPPED;
    outcome->error = run->error.data;
    outcome->error_kind = outcome->stop == TQ_STOP_NONE ? kind : stop_name(outcome->stop);
    outcome->traceback = run->traceback.len > 0 ? run->traceback.data : NULL;
}

/* It must not run again: its effects have happened, and its answer cannot be stored; or its payload
   is none. */
static void set_discarded(struct tq_run *run, const char *kind, const char *message)
{
    tq_buf_clear(&run->error);
    tq_outcome_add_text(&run->error, message, strlen(message));
    run->outcome = (struct tq_outcome){.kind = TQ_OUTCOME_FAILURE,
                                       .delay_ms = -1,
                                       .error = run->error.data,
                                       .error_kind = kind,
                                       .is_discarded = true};
}

static int p_encode(lua_State *L)
{
    const struct tq_json_rules *rules = lua_touserdata(L, 2);

    tq_json_encode(L, 1, rules, &tq_script_of(L)->json);
    return 0;
}

/* The JSON of the value at index in the script's scratch; else false and a message on the stack.
   [-0, +(0|1), m] */
static bool encode(lua_State *L, int index, const struct tq_json_rules *rules)
{
    index = lua_absindex(L, index);
    lua_pushcfunction(L, p_encode);
    lua_pushvalue(L, index);
    lua_pushlightuserdata(L, (void *)(uintptr_t)rules);
    return lua_pcall(L, 2, 0, 0) == LUA_OK;
}

static void set_success(lua_State *L, int index, struct tq_run *run)
{
    static const struct tq_json_rules rules = {
        .root = "result", .max_bytes = MAX_RESULT_BYTES, .is_for_jsonb = true};
    const struct tq_json_text *json = &run->script->json;

    run->outcome.kind = TQ_OUTCOME_SUCCESS;
    if (lua_isnil(L, index))
        return;
    if (!encode(L, index, &rules)) {
        set_discarded(run, "result",
                      lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "not JSON");
        return;
    }
    tq_buf_clear(&run->result);
    tq_buf_add(&run->result, json->data, json->len);
    run->outcome.result = run->result.data;
    run->outcome.result_len = run->result.len;
}

static bool has_tostring(lua_State *L, int index)
{
    if (luaL_getmetafield(L, index, "__tostring") == LUA_TNIL)
        return false;
    lua_pop(L, 1);
    return true;
}

static int p_tostring(lua_State *L)
{
    (void)luaL_tolstring(L, 1, NULL); /* the result is on the stack */
    return 1;
}

/* PostgreSQL stores UTF-8 without zero bytes; each byte that is neither becomes U+FFFD. */
void tq_outcome_add_text(struct tq_buf *out, const char *text, size_t len)
{
    const char *end = text + len, *plain = text;

    while (text < end) {
        size_t width = *text != '\0' ? tq_utf8_width(text, end) : 0;

        if (width > 0) {
            text += width;
            continue;
        }
        tq_buf_add(out, plain, (size_t)(text - plain));
        tq_buf_add_text(out, "\xEF\xBF\xBD");
        plain = ++text;
    }
    tq_buf_add(out, plain, (size_t)(text - plain));
}

/* The text of an error value, in run->error. */
static void describe_error(lua_State *L, int index, struct tq_run *run)
{
    static const struct tq_json_rules rules = {.root = "error", .max_bytes = MAX_ERROR_BYTES};
    const char *text = NULL;
    size_t len = 0;

    index = lua_absindex(L, index);
    tq_buf_clear(&run->error);
    if (lua_isnil(L, index)) {
        tq_buf_add_text(&run->error, "an error without a message: error(nil)");
        return;
    }
    if (lua_istable(L, index) && !has_tostring(L, index) && encode(L, index, &rules)) {
        text = run->script->json.data;
        len = run->script->json.len;
    } else {
        lua_pushcfunction(L, p_tostring);
        lua_pushvalue(L, index);
        if (lua_pcall(L, 1, 1, 0) == LUA_OK)
            text = lua_tolstring(L, -1, &len);
    }
    if (text == NULL) {
        text = "an error value without a text";
        len = strlen(text);
    }
    tq_outcome_add_text(&run->error, text, len < MAX_ERROR_BYTES ? len : MAX_ERROR_BYTES);
}

/* A field of the outcome that is a time in milliseconds. */
static bool read_delay(lua_State *L, const char *field, struct tq_run *run)
{
    (void)lua_pushstring(L, field);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 1);
        return false;
    }

    lua_Number ms = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
    bool is_valid = ms >= 0 && ms < 1e15;

    lua_pop(L, 1);
    if (is_valid)
        run->outcome.delay_ms = (int64_t)ms;
    else
        tq_log(TQ_LOG_WARN, "handler", "ignored: must be a number of milliseconds",
               "field=%s task=%" PRId64 " type=%s", field, run->task.id, run->task.type);
    return is_valid;
}

/* The table on top says success = false. */
static void set_returned_failure(lua_State *L, struct tq_run *run)
{
    bool is_snoozed = read_delay(L, "snooze", run);

    if (is_snoozed && interruption(run) == TQ_STOP_NONE) {
        run->outcome.kind = TQ_OUTCOME_SNOOZE;
        return;
    }
    (void)read_delay(L, "retry_after", run); /* -1 stays when there is none */
    lua_pushliteral(L, "discard");
    (void)lua_rawget(L, -2); /* any type: it is a truth value */
    run->outcome.is_discarded = lua_toboolean(L, -1);
    lua_pop(L, 1);
    lua_pushliteral(L, "error");
    if (lua_rawget(L, -2) == LUA_TNIL)
        tq_buf_add_text(&run->error, "the handler returned success = false without an error");
    else
        describe_error(L, -1, run);
    set_failure(run, "failure");
}

/* Is the table on top an outcome? Pops nothing. */
static bool read_success(lua_State *L, const struct tq_run *run, bool *is_success)
{
    if (!lua_istable(L, -1))
        return false;
    lua_pushliteral(L, "success");

    int type = lua_rawget(L, -2);

    *is_success = lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (type != LUA_TBOOLEAN && type != LUA_TNIL)
        tq_log(TQ_LOG_WARN, "handler",
               "success is neither true nor false: the returned table is a result",
               "task=%" PRId64 " type=%s", run->task.id, run->task.type);
    return type == LUA_TBOOLEAN;
}

static void warn_of_unknown_fields(lua_State *L, const struct tq_run *run)
{
    static const char *const known[] = {"success",     "result",  "error",
                                        "retry_after", "discard", "snooze"};

    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const char *field = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        size_t i = 0;

        lua_pop(L, 1);
        while (i < sizeof known / sizeof *known && strcmp(field, known[i]) != 0)
            i++;
        if (i == sizeof known / sizeof *known)
            tq_log(TQ_LOG_WARN, "handler", "the returned outcome has a field that means nothing",
                   "field=%s task=%" PRId64 " type=%s", field, run->task.id, run->task.type);
    }
}

/* `return context.transaction(...)` gives nil when it was rolled back: that is no success. */
static void set_rolled_back(struct tq_run *run)
{
    tq_buf_clear(&run->error);
    tq_buf_add(&run->error, run->rollback.data, run->rollback.len);
    set_failure(run, "transaction");
}

void tq_outcome_from_values(lua_State *L, int index, struct tq_run *run)
{
    bool is_success;

    index = lua_absindex(L, index);
    lua_pushvalue(L, index);
    if (lua_isnil(L, -1) && run->rollback.len > 0) {
        set_rolled_back(run);
        return;
    }
    if (lua_isnil(L, -1) && lua_type(L, index + 1) == LUA_TSTRING) {
        describe_error(L, index + 1, run);
        set_failure(run, "failure");
        return;
    }
    if (!read_success(L, run, &is_success)) {
        set_success(L, -1, run);
        return;
    }
    warn_of_unknown_fields(L, run);
    if (!is_success) {
        set_returned_failure(L, run);
        return;
    }
    lua_pushliteral(L, "result");
    (void)lua_rawget(L, -2); /* any type */
    set_success(L, -1, run);
}

/* Lua's string buffers raise this text when memory is refused, without asking a second time. */
static bool is_refused_memory(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING &&
           strcmp(lua_tostring(L, index), "not enough memory") == 0;
}

void tq_outcome_from_error(lua_State *L, int index, struct tq_run *run)
{
    char message[TQ_RUN_MESSAGE_BYTES];

    if (!is_refused_memory(L, index)) {
        describe_error(L, index, run);
        set_failure(run, "error");
        return;
    }
    tq_outcome_describe_stop(run, TQ_STOP_MEMORY, message);
    tq_buf_clear(&run->error);
    tq_buf_add_text(&run->error, message);
    set_failure(run, "memory");
}

void tq_outcome_refused_payload(struct tq_run *run, const char *message)
{
    set_discarded(run, "payload", message);
}

void tq_outcome_from_failure(struct tq_run *run, int status)
{
    const char *text = lua_type(run->T, -1) == LUA_TSTRING ? lua_tostring(run->T, -1) : NULL;

    tq_buf_clear(&run->error);
    tq_buf_add_text(&run->error, status != LUA_ERRMEM && text != NULL ? text : "not enough memory");
    run->outcome = (struct tq_outcome){.delay_ms = -1};
    set_failure(run, status == LUA_ERRMEM ? "memory" : "error");
}

void tq_outcome_describe_stop(const struct tq_run *run, enum tq_stop reason, char *out)
{
    size_t size = TQ_RUN_MESSAGE_BYTES;
    int64_t limit_ms = run->handler->timeout_ms;
    const char *what = run->task.event == NULL ? "task" : "listener";

    if (limit_ms == 0) /* the worker's default: the time that the executor gave */
        limit_ms = (run->task.soft_deadline_us - run->started_us + 500) / 1000;

    switch (reason) {
    case TQ_STOP_TIMEOUT:
        (void)snprintf(out, size, "timeout: the %s ran longer than %" PRId64 " ms", what, limit_ms);
        return;
    case TQ_STOP_CANCELLED:
        (void)snprintf(out, size, "cancelled: the task was cancelled while it ran");
        return;
    case TQ_STOP_MEMORY:
        if (run->is_crowded_out)
            (void)snprintf(out, size,
                           "memory: the tasks of this thread need more than %zu bytes together, "
                           "this one the most",
                           run->script->cap_bytes);
        else
            (void)snprintf(out, size, "memory: the %s needs more than %zu bytes", what,
                           run->limit_bytes);
        return;
    case TQ_STOP_STUCK:
        (void)snprintf(out, size,
                       "stuck: the task held its thread in a call that Lua cannot suspend, such as "
                       "table.sort or string.gsub");
        return;
    case TQ_STOP_INTERRUPTED:
    case TQ_STOP_NONE:
        (void)snprintf(out, size, "interrupted: the worker gives the task back");
    }
}

void tq_outcome_stopped(struct tq_run *run)
{
    char message[TQ_RUN_MESSAGE_BYTES];

    tq_outcome_describe_stop(run, run->stop, message);
    tq_buf_clear(&run->error);
    tq_buf_add_text(&run->error, message);
    run->outcome = (struct tq_outcome){.kind = TQ_OUTCOME_STOPPED,
                                       .stop = run->stop,
                                       .delay_ms = -1,
                                       .error = run->error.data,
                                       .error_kind = stop_name(run->stop)};
}
