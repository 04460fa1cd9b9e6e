// SPDX-License-Identifier: MIT
//
// The life of a run. Its coroutine T executes run_body(), which calls the handler under a pcall
// that may yield: so errors unwind inside T, <close> variables are closed under the run's own
// deadlines, and T ends clean and goes back to the pool with its run.
//
// What ends a run, and where it is noticed:
//     the handler returns or fails    run_body, which fills the outcome
//     hard deadline, memory           the hook or the allocator set run->stop, where
//                                     after_slice() looks before anything else
//     the executor                    tq_run_stop()
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "script/payload.h"
#include "script/state.h"

enum {
    CLOSING_US = 20 * 1000,        /* of computing, for the <close> variables of a stopped run */
    KEPT_BUFFER_BYTES = 64 * 1024, /* a pooled run gives larger ones back */
    MAX_TRACEBACK_BYTES = 8 * 1024,
    MIN_LEAVINGS_BYTES = 4 * 1024 * 1024, /* less is left to the collector's own pace */
    LEAVINGS_PART = 4,                    /* of all that the state holds: a collection walks it */
};

static int run_body(lua_State *T);

static int p_make_thread(lua_State *L)
{
    struct tq_run *run = lua_touserdata(L, 1);

    run->T = lua_newthread(L);
    *tq_thread_word(run->T) |= TQ_THREAD_OWNED;
    (void)luaL_ref(L, LUA_REGISTRYINDEX); /* for as long as the state lives */
    return 0;
}

static struct tq_run *take_idle(struct tq_script *script)
{
    struct tq_run *run = script->idle_runs;

    if (run != NULL) {
        script->idle_runs = run->next;
        return run;
    }
    run = tq_zalloc(sizeof *run);
    run->script = script;
    lua_pushcfunction(script->L, p_make_thread);
    lua_pushlightuserdata(script->L, run);
    if (lua_pcall(script->L, 1, 0, 0) != LUA_OK) {
        lua_settop(script->L, 0);
        run->is_exhausted = true;
    }
    return run;
}

/* Copies a text into run->names; the address is final only when all are in. */
static size_t keep_name(struct tq_run *run, const char *text)
{
    size_t offset = run->names.len;

    tq_buf_add(&run->names, text, strlen(text) + 1);
    return offset;
}

struct tq_run *tq_run_start(struct tq_script *script, const struct tq_handler *handler,
                            const struct tq_run_task *task, void *owner)
{
    struct tq_run *run = take_idle(script);

    run->handler = handler;
    run->owner = owner;
    run->task = *task;
    run->started_us = tq_clock_us();

    size_t type = keep_name(run, task->type), worker_id = keep_name(run, task->worker_id);

    run->task.type = run->names.data + type;
    run->task.worker_id = run->names.data + worker_id;
    run->state = TQ_RUN_PREEMPTED;
    run->limit_bytes = handler->memory_limit_bytes;
    run->collect_bytes = (int64_t)run->limit_bytes / 2;
    run->outcome = (struct tq_outcome){.delay_ms = -1};

    run->previous = NULL;
    run->next = script->live_runs;
    if (run->next != NULL)
        run->next->previous = run;
    script->live_runs = run;
    return run;
}

/* The text on top. */
static void add_traceback(lua_State *L, struct tq_run *run)
{
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);

    tq_outcome_add_text(&run->traceback, text, len);
}

static int make_traceback(lua_State *L)
{
    struct tq_run *run = tq_script_of(L)->run;

    tq_traceback_push(L, L, 1);
    tq_buf_clear(&run->traceback);
    add_traceback(L, run);
    lua_settop(L, 1);
    return 1;
}

static int after_handler(lua_State *T, int status, lua_KContext unused)
{
    struct tq_run *run = tq_script_of(T)->run;

    (void)unused;
    if (run->task.event != NULL && (status == LUA_OK || status == LUA_YIELD))
        return 0; /* what a listener returns means nothing */
    if (status == LUA_OK || status == LUA_YIELD)
        tq_outcome_from_values(T, -2, run);
    else
        tq_outcome_from_error(T, -1, run);
    return 0;
}

/* A payload that its handler does not expect will not be better the next time. */
static bool check_payload(lua_State *T, struct tq_run *run)
{
    const char *message;

    if (run->task.event != NULL || run->handler->payload_ref == LUA_NOREF)
        return true;
    tq_json_decode(T, run->task.payload, run->task.payload_len, "payload");
    message = tq_payload_check(T, run->handler->payload_ref, -1);
    if (message != NULL)
        tq_outcome_refused_payload(run, message);
    lua_settop(T, 0);
    return message == NULL;
}

static int run_body(lua_State *T)
{
    struct tq_run *run = tq_script_of(T)->run;

    if (!check_payload(T, run))
        return 0;
    lua_pushcfunction(T, make_traceback);
    (void)lua_rawgeti(T, LUA_REGISTRYINDEX, run->handler->function_ref); /* always a function */
    if (run->task.event != NULL)
        tq_listener_push_event(T, run);
    else
        tq_context_push(T, run);
    return after_handler(T, lua_pcallk(T, 1, 2, 1, 0, after_handler), 0);
}

void tq_run_release_wait(struct tq_run *run)
{
    if (run->wait != NULL)
        run->release_wait(run->wait);
    run->wait = NULL;
}

void tq_run_add_part(struct tq_run *run, struct tq_run_part *part)
{
    part->previous = NULL;
    part->next = run->parts;
    if (part->next != NULL)
        part->next->previous = part;
    run->parts = part;
}

void tq_run_remove_part(struct tq_run *run, struct tq_run_part *part)
{
    if (part->next != NULL)
        part->next->previous = part->previous;
    if (part->previous != NULL)
        part->previous->next = part->next;
    else
        run->parts = part->next;
}

struct tq_run_part *tq_run_parts(struct tq_run *run)
{
    return run->parts;
}

static void release_parts(struct tq_run *run)
{
    while (run->parts != NULL) {
        struct tq_run_part *part = run->parts;

        tq_run_remove_part(run, part);
        part->release(part);
    }
}

/* Much garbage goes with its run: freed in the slices of others, it would make room for as much in
   their accounts. So do files, when others find no descriptor any more. */
static void collect_leavings(struct tq_run *run)
{
    struct tq_script *script = run->script;
    int64_t share_bytes = (int64_t)script->bytes / LEAVINGS_PART;

    if (script->is_out_of_files ||
        (run->charge_bytes > MIN_LEAVINGS_BYTES && run->charge_bytes > share_bytes))
        (void)lua_gc(script->L, LUA_GCCOLLECT); /* returns 0 */
    script->is_out_of_files = false;
}

/* The outcome is known: nothing of the run is left in the state but the idle coroutine. */
static enum tq_run_state finish(struct tq_run *run)
{
    struct tq_script *script = run->script;

    tq_run_release_wait(run);
    release_parts(run);
    collect_leavings(run);
    run->outcome.notes = tq_run_notes(run);
    run->chain_count = 0;
    run->state = TQ_RUN_DONE;
    if (run->previous != NULL)
        run->previous->next = run->next;
    else
        script->live_runs = run->next;
    if (run->next != NULL)
        run->next->previous = run->previous;
    run->next = run->previous = NULL;
    return TQ_RUN_DONE;
}

/* Runs what <close> variables are pending, innermost coroutine first. */
static void close_coroutines(struct tq_run *run)
{
    struct tq_script *script = run->script;

    script->run = run;
    tq_slice_limit(script, CLOSING_US);
    tq_slice_begin(script, TQ_PHASE_CLOSING, run->T);
    for (size_t i = 0; i < run->chain_count; i++) {
        (void)tq_coroutine_reset(script, NULL, run->chain[i]); /* errors have nobody to go to */
        *tq_thread_word(run->chain[i]) &= ~(uintptr_t)TQ_THREAD_OWNED;
    }
    (void)tq_coroutine_reset(script, NULL, run->T); /* likewise */
    tq_slice_end(script);
    lua_settop(run->T, 0);
}

static enum tq_run_state after_slice(struct tq_run *run, int status)
{
    if (run->stop != TQ_STOP_NONE) {
        tq_run_stop(run, run->stop);
        return TQ_RUN_DONE;
    }
    if (status == LUA_YIELD) {
        run->state = run->script->yielded == TQ_YIELD_WAIT ? TQ_RUN_WAITING : TQ_RUN_PREEMPTED;
        return run->state;
    }
    if (status != LUA_OK) {
        tq_outcome_from_failure(run, status);
        close_coroutines(run);
    }
    return finish(run);
}

/* Deadlines that passed while others ran. */
static void check_deadlines(struct tq_run *run)
{
    int64_t now_us = tq_clock_us();

    if (run->stop == TQ_STOP_NONE && now_us >= run->task.hard_deadline_us)
        run->stop = tq_run_overdue(run);
    else if (now_us >= run->task.soft_deadline_us)
        (void)tq_run_interrupt(run, TQ_STOP_TIMEOUT,
                               run->task.hard_deadline_us); /* perhaps again */
}

enum tq_stop tq_run_overdue(const struct tq_run *run)
{
    return run->interrupt == TQ_STOP_CANCELLED ? TQ_STOP_CANCELLED : TQ_STOP_TIMEOUT;
}

enum tq_run_state tq_run_resume(struct tq_run *run)
{
    struct tq_script *script = run->script;
    int count;

    if (run->state == TQ_RUN_DONE)
        return TQ_RUN_DONE;
    if (run->is_exhausted)
        run->stop = TQ_STOP_MEMORY;
    else if (run->is_started)
        check_deadlines(run);
    if (run->stop != TQ_STOP_NONE) {
        tq_run_stop(run, run->stop);
        return TQ_RUN_DONE;
    }

    lua_State *innermost = run->chain_count > 0 ? run->chain[0] : run->T;

    if (!run->is_started)
        lua_pushcfunction(run->T, run_body);
    run->is_started = true;
    run->chain_count = 0;
    script->run = run;
    script->yielded = TQ_YIELD_USER;
    tq_slice_begin(script, TQ_PHASE_RUNNING, run->T);
    if (run->is_interrupt_due)
        tq_slice_arm(innermost);

    int status = lua_resume(run->T, NULL, 0, &count);

    tq_slice_end(script);

    enum tq_run_state state = after_slice(run, status);

    tq_budget_relieve(script);
    return state;
}

bool tq_run_interrupt(struct tq_run *run, enum tq_stop reason, int64_t hard_deadline_us)
{
    if (run->state == TQ_RUN_DONE || run->interrupt != TQ_STOP_NONE)
        return false;
    run->interrupt = reason;
    run->is_interrupt_due = true;
    if (hard_deadline_us < run->task.hard_deadline_us)
        run->task.hard_deadline_us = hard_deadline_us;
    tq_outcome_describe_stop(run, reason, run->message);
    return true;
}

/* The first reason counts. */
void tq_run_condemn(struct tq_run *run, enum tq_stop reason)
{
    if (run->stop == TQ_STOP_NONE)
        run->stop = reason == TQ_STOP_TIMEOUT ? tq_run_overdue(run) : reason;
}

bool tq_run_is_condemned(const struct tq_run *run)
{
    return run->stop != TQ_STOP_NONE;
}

void tq_run_ask_stop(struct tq_run *run, enum tq_stop reason, pthread_t thread)
{
    atomic_store(&run->asked, (int)reason);
    (void)pthread_kill(thread, SIGURG); /* it is there, by contract: fails for nothing else */
}

static int p_describe_stack(lua_State *L)
{
    struct tq_run *run = lua_touserdata(L, 1);

    for (size_t i = 0; i <= run->chain_count && run->traceback.len < MAX_TRACEBACK_BYTES; i++) {
        tq_traceback_push(L, i < run->chain_count ? run->chain[i] : run->T, 0);
        if (i > 0)
            tq_buf_add_char(&run->traceback, '\n');
        add_traceback(L, run);
        lua_settop(L, 1);
    }
    return 0;
}

void tq_run_stop(struct tq_run *run, enum tq_stop reason)
{
    lua_State *L = run->script->L;

    if (run->state == TQ_RUN_DONE)
        return;
    tq_run_condemn(run, reason);
    tq_outcome_stopped(run);
    if (run->is_started) {
        tq_buf_clear(&run->traceback);
        lua_pushcfunction(L, p_describe_stack);
        lua_pushlightuserdata(L, run);
        (void)lua_pcall(L, 1, 0, 0); /* without memory there is no traceback, or half of one */
        lua_settop(L, 0);
        run->outcome.traceback = run->traceback.data;
        close_coroutines(run);
    }
    (void)finish(run); /* DONE */
}

const struct tq_outcome *tq_run_outcome(const struct tq_run *run)
{
    return &run->outcome;
}

void *tq_run_owner(const struct tq_run *run)
{
    return run->owner;
}

static void recycle(struct tq_buf *buf)
{
    if (buf->capacity > KEPT_BUFFER_BYTES)
        tq_buf_deinit(buf);
    else
        tq_buf_clear(buf);
}

void tq_run_free(struct tq_run *run)
{
    struct tq_script *script = run->script;

    if (run->state != TQ_RUN_DONE)
        tq_run_stop(run, TQ_STOP_INTERRUPTED);
    if (run->is_exhausted) {
        tq_run_destroy(run);
        return;
    }
    tq_slice_disarm(run->T);
    recycle(&run->names);
    recycle(&run->result);
    recycle(&run->error);
    recycle(&run->traceback);
    tq_journal_free(run->journal);
    run->journal = NULL;
    recycle(&run->rollback);
    run->is_started = run->is_shutdown_seen = run->is_interrupt_due = run->is_crowded_out = false;
    run->stop = run->interrupt = TQ_STOP_NONE;
    atomic_store_explicit(&run->asked, TQ_STOP_NONE, memory_order_relaxed);
    run->charge_bytes = 0;
    run->next = script->idle_runs;
    script->idle_runs = run;
}

/* For a script that goes away: the state takes the coroutine with it. */
void tq_run_destroy(struct tq_run *run)
{
    tq_buf_deinit(&run->names);
    tq_buf_deinit(&run->result);
    tq_buf_deinit(&run->error);
    tq_buf_deinit(&run->traceback);
    tq_journal_free(run->journal);
    tq_buf_deinit(&run->rollback);
    free(run->chain);
    free(run);
}
