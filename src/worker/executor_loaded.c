// SPDX-License-Identifier: MIT
//
// The Lua states of an executor: one a generation. Runs end in the state that they began in; a
// state goes when a newer one is there and its last run has ended.
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "script/script.h"
#include "worker/executor_state.h"
#include "worker/generation.h"

static void unload(struct tq_loaded *loaded)
{
    tq_log(TQ_LOG_DEBUG, "executor", "a generation is unloaded", "generation=%d bytes=%zu",
           loaded->generation->number, tq_script_memory_bytes(loaded->script));
    tq_script_free(loaded->script);
    tq_generation_unref(loaded->generation);
    free(loaded);
}

/* Of the older ones: what nothing runs in. */
static void unload_idle(struct tq_executor *executor)
{
    struct tq_loaded **at = &executor->loaded->next;

    while (*at != NULL) {
        struct tq_loaded *loaded = *at;

        if (loaded->runs > 0) {
            at = &loaded->next;
            continue;
        }
        *at = loaded->next;
        unload(loaded);
    }
}

void tq_executor_load(struct tq_executor *executor, struct tq_generation *generation,
                      struct tq_script *script)
{
    struct tq_loaded *loaded = tq_zalloc(sizeof *loaded);

    tq_generation_ref(generation);
    tq_script_set_host(script, &executor->host);
    loaded->generation = generation;
    loaded->script = script;
    loaded->next = executor->loaded;
    executor->loaded = loaded;
    unload_idle(executor);
}

struct tq_loaded *tq_executor_hold(struct tq_executor *executor)
{
    executor->loaded->runs++;
    return executor->loaded;
}

void tq_executor_release(struct tq_executor *executor, struct tq_loaded *loaded)
{
    if (--loaded->runs == 0 && loaded != executor->loaded)
        unload_idle(executor);
}

void tq_executor_unload_all(struct tq_executor *executor)
{
    while (executor->loaded != NULL) {
        struct tq_loaded *loaded = executor->loaded;

        executor->loaded = loaded->next;
        unload(loaded);
    }
}
