// SPDX-License-Identifier: MIT
//
// The memory of a state. Every byte of it goes through tq_budget_alloc(), which counts for two
// accounts: the state's, against its cap, and that of the run whose slice it is. Blocks have no
// owner in a shared state, so a run's account is what was allocated minus what was freed in its
// slices: an estimate, which is corrected downwards when it says more than all runs together can
// hold.
//
// An account that is full makes the allocator return NULL. Lua then collects all garbage and asks
// again for the same size; only when that is refused too is the run stopped, because a script can
// catch the error that follows. (Lua's string buffers do not ask twice: there the error is all that
// happens. So that no garbage is in the account then, the hook collects it each time the account
// has filled by half.)
#include <stdlib.h>

#include "script/state.h"

static bool is_over(const struct tq_script *script, struct tq_run *run, size_t more)
{
    if (script->bytes + more > script->cap_bytes)
        return true;
    if (run == NULL || run->charge_bytes + (int64_t)more <= (int64_t)run->limit_bytes)
        return false;

    int64_t held_by_runs = (int64_t)script->bytes - (int64_t)script->baseline_bytes;

    if (held_by_runs + (int64_t)more > (int64_t)run->limit_bytes)
        return true;
    run->charge_bytes = held_by_runs;
    return false;
}

/* Notes a refusal; the second one for the same request ends the run, or the first one if no
   collection could make room for it. */
static void *refuse(struct tq_script *script, size_t size)
{
    bool is_hopeless = script->run != NULL && size > script->run->limit_bytes;

    if (script->refused_bytes != size && !is_hopeless) {
        script->refused_bytes = size;
        return NULL;
    }
    if (script->phase == TQ_PHASE_RUNNING && script->run->stop == TQ_STOP_NONE) {
        script->run->stop = TQ_STOP_MEMORY;
        script->run->is_crowded_out =
            script->run->charge_bytes + (int64_t)size <= (int64_t)script->run->limit_bytes;
        script->is_ending = true;
        tq_slice_arm(script->current);
    }
    return NULL;
}

static void charge(struct tq_script *script, struct tq_run *run, int64_t bytes)
{
    run->charge_bytes += bytes;
    if (script->phase != TQ_PHASE_RUNNING)
        return;
    if (run->charge_bytes > run->collect_bytes)
        run->collect_bytes = INT64_MAX;
    else if (script->bytes < script->pressed_bytes)
        return;
    tq_slice_arm(script->current);
}

void tq_budget_collect(struct tq_run *run)
{
    int64_t least = (int64_t)run->limit_bytes / 2;

    if (run->collect_bytes < INT64_MAX)
        return;
    (void)lua_gc(run->script->L, LUA_GCCOLLECT); /* returns 0 */
    run->collect_bytes = run->charge_bytes + run->charge_bytes / 2;
    if (run->collect_bytes < least)
        run->collect_bytes = least;
}

void *tq_budget_alloc(void *owner, void *block, size_t old_size, size_t new_size)
{
    struct tq_script *script = owner;
    size_t held = block != NULL ? old_size : 0; /* old_size is a type tag for a new block */
    void *moved = NULL;

    if (held == 0 && new_size == 0)
        return NULL; /* Lua often frees what it never had */
    if (new_size == 0) {
        free(block);
    } else {
        if (new_size > held && is_over(script, script->run, new_size - held))
            return refuse(script, new_size);
        moved = realloc(block, new_size);
        if (moved == NULL)
            return new_size > held ? refuse(script, new_size) : block;
        script->refused_bytes = 0;
    }
    script->bytes = script->bytes - held + new_size;
    if (script->run != NULL)
        charge(script, script->run, (int64_t)new_size - (int64_t)held);
    return moved;
}

bool tq_run_charge(struct tq_run *run, size_t bytes)
{
    struct tq_script *script = run->script;

    if (is_over(script, run, bytes)) {
        (void)lua_gc(script->L, LUA_GCCOLLECT); /* returns 0 */
        if (is_over(script, run, bytes))
            return false;
    }
    script->bytes += bytes;
    run->charge_bytes += (int64_t)bytes;
    return true;
}

void tq_run_discharge(struct tq_run *run, size_t bytes)
{
    run->script->bytes -= bytes;
    run->charge_bytes -= (int64_t)bytes;
}

void tq_budget_relieve(struct tq_script *script)
{
    size_t limit = script->cap_bytes / 5 * 4;
    struct tq_run *largest = script->live_runs;

    if (script->bytes < script->pressed_bytes)
        return;
    (void)lua_gc(script->L, LUA_GCCOLLECT); /* returns 0 */
    script->pressed_bytes = limit;
    if (script->bytes < limit)
        return;
    script->pressed_bytes = script->bytes + script->cap_bytes / 100;
    for (struct tq_run *run = largest; run != NULL; run = run->next) {
        if (run->charge_bytes > largest->charge_bytes)
            largest = run;
    }
    if (largest != NULL && largest->stop == TQ_STOP_NONE) {
        largest->stop = TQ_STOP_MEMORY;
        largest->is_crowded_out = true;
    }
}
