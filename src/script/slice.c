// SPDX-License-Identifier: MIT
//
// The time of a slice, and the count hook that enforces it. No hook is set as a rule; the ticker's
// signal handler arms one for the next instruction when a slice has lasted for two ticks. It runs
// on the innermost coroutine and does one of these, the first that applies:
//
//     must end, may yield       yield KILL: the run is never resumed, which no pcall can catch
//     must end, may not yield   raise, and run again at the next instruction, until it is out of
//                               there
//     interrupt is due          raise once, so that the handler can clean up
//     slice is long, may yield  yield PREEMPTED: other runs have their turn
//
// A raise needs care. Lua runs the hook with hooks disabled and enables them again where the error
// is caught, so a coroutine that dies of a raise keeps them disabled for the <close> variables that
// are run afterwards. A coroutine in which nothing would catch the error therefore yields DEATH,
// and its resumer does the rest; where it cannot yield either, it is doomed: its variables are not
// closed.
#include <string.h>

#include "base/clock.h"
#include "script/state.h"

enum {
    LOADING_COUNT = 1000,
    SLICE_US = 5000,
    BUSY_FACTOR = 3,      /* what may be computed in a time may take so many times as long */
    CATCHER_LEVELS = 250, /* how far up to look for a pcall; finding level n takes n steps */
};

static void on_count(lua_State *L, lua_Debug *ar);

void tq_slice_limit(struct tq_script *script, int64_t us)
{
    script->computing_until_us = tq_clock_thread_us() + us;
    script->deadline_us = tq_clock_us() + BUSY_FACTOR * us;
}

void tq_slice_begin(struct tq_script *script, enum tq_phase phase, lua_State *L)
{
    script->phase = phase;
    script->blocked = 0;
    script->is_ending = false;
    script->ticks = 0;
    script->armed = NULL;
    script->current = L;
    if (TQ_IS_ALWAYS_HOOKED)
        script->slice_us = tq_clock_us();
    if (TQ_IS_ALWAYS_HOOKED || phase == TQ_PHASE_LOADING)
        tq_slice_disarm(L);
    tq_ticker_watch(script);
}

void tq_slice_end(struct tq_script *script)
{
    tq_ticker_watch(NULL);
    script->phase = TQ_PHASE_IDLE;
    script->current = NULL;
    script->run = NULL;
}

void tq_slice_arm(lua_State *L)
{
    lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
}

void tq_slice_disarm(lua_State *L)
{
    struct tq_script *script = tq_script_of(L);

    if (TQ_IS_ALWAYS_HOOKED || script->phase == TQ_PHASE_LOADING)
        lua_sethook(L, on_count, LUA_MASKCOUNT, LOADING_COUNT);
    else
        lua_sethook(L, NULL, 0, 0);
    if (script->armed == L) /* last, or a tick between the two would arm in vain */
        script->armed = NULL;
}

bool tq_slice_can_yield(const struct tq_script *script, lua_State *L)
{
    return script->phase == TQ_PHASE_RUNNING && script->blocked == 0 && lua_isyieldable(L);
}

void tq_slice_push_forced_error(lua_State *L)
{
    struct tq_script *script = tq_script_of(L);

    if (script->is_ending)
        (void)lua_rawgeti(L, LUA_REGISTRYINDEX, script->stop_message_ref); /* always a string */
    else
        (void)lua_pushstring(L, script->run->message);
}

bool tq_slice_is_forced_error(lua_State *L, int index)
{
    struct tq_script *script = tq_script_of(L);

    if (lua_type(L, index) != LUA_TSTRING)
        return false;
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, script->stop_message_ref); /* always a string */

    bool is_stop = lua_rawequal(L, index, -1);

    lua_pop(L, 1);
    return is_stop || (script->run != NULL && script->run->interrupt != TQ_STOP_NONE &&
                       strcmp(lua_tostring(L, index), script->run->message) == 0);
}

/* Is there a pcall in this coroutine that would catch an error raised now? */
static bool has_catcher(struct tq_script *script, lua_State *L)
{
    lua_Debug ar;

    for (int level = 0; level < CATCHER_LEVELS && lua_getstack(L, level, &ar); level++) {
        (void)lua_getinfo(L, "f", &ar); /* "f" is a valid option */

        lua_CFunction function = lua_tocfunction(L, -1);

        lua_pop(L, 1);
        if (function != NULL && (function == script->pcall || function == tq_coroutine_xpcall))
            return true;
    }
    return false;
}

/* Raises the forced error in L, or kills L with it; see the story above. */
static void force(struct tq_script *script, lua_State *L)
{
    bool is_base = L == script->L || (script->run != NULL && L == script->run->T);

    if (!is_base && !has_catcher(script, L)) {
        if (lua_isyieldable(L)) {
            script->yielded = TQ_YIELD_DEATH;
            (void)lua_yield(L, 0); /* returns, being called in a hook */
            return;
        }
        *tq_thread_word(L) |= TQ_THREAD_DOOMED;
    }
    if (script->is_ending)
        tq_slice_arm(L);
    tq_slice_push_forced_error(L);
    (void)lua_error(L);
}

static bool is_slice_long(const struct tq_script *script)
{
    return TQ_IS_ALWAYS_HOOKED ? tq_clock_us() - script->slice_us >= SLICE_US
                               : script->ticks >= TQ_TICKS_A_SLICE;
}

static void on_count_running(struct tq_script *script, lua_State *L)
{
    struct tq_run *run = script->run;
    int64_t now_us;

    tq_budget_collect(run);
    tq_budget_relieve(script);
    now_us = tq_clock_us();
    if (run->stop == TQ_STOP_NONE && now_us >= run->task.hard_deadline_us)
        run->stop = tq_run_overdue(run);
    if (run->stop == TQ_STOP_NONE)
        run->stop = (enum tq_stop)atomic_load(&run->asked);
    if (run->stop == TQ_STOP_NONE && now_us >= run->task.soft_deadline_us)
        (void)tq_run_interrupt(run, TQ_STOP_TIMEOUT,
                               run->task.hard_deadline_us); /* perhaps again */
    script->is_ending = run->stop != TQ_STOP_NONE;

    if (script->is_ending && tq_slice_can_yield(script, L)) {
        script->yielded = TQ_YIELD_KILL;
        (void)lua_yield(L, 0); /* returns, being called in a hook */
    } else if (script->is_ending || run->is_interrupt_due) {
        run->is_interrupt_due = false;
        force(script, L);
    } else if (is_slice_long(script) && tq_slice_can_yield(script, L)) {
        script->yielded = TQ_YIELD_PREEMPTED;
        (void)lua_yield(L, 0); /* returns, being called in a hook */
    }
}

static void on_count(lua_State *L, lua_Debug *ar)
{
    struct tq_script *script = tq_script_of(L);

    (void)ar; /* it says that this is a count event: no other is asked for */
    tq_slice_disarm(L);
    if (script->phase == TQ_PHASE_RUNNING) {
        on_count_running(script, L);
    } else if (script->phase != TQ_PHASE_IDLE) {
        if (tq_clock_thread_us() >= script->computing_until_us ||
            tq_clock_us() >= script->deadline_us)
            script->is_ending = true;
        if (script->is_ending)
            force(script, L);
    }
}
