// SPDX-License-Identifier: MIT
//
// A generation: one reading of the handler files. Its source is what every thread's Lua state
// loads; its script is for the handlers' facts (types, timeouts, retries), and no handler runs in
// it. It never changes once it is made, and lives as long as somebody refers to it: the worker to
// the current one, each task to the one that it belongs to, each executor to those that it has
// loaded.
#ifndef TQ_WORKER_GENERATION_H
#define TQ_WORKER_GENERATION_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/options.h"

struct tq_script;
struct tq_source;

struct tq_generation {
    atomic_int references;
    int number;        /* 1 for the first of the process */
    int64_t loaded_us; /* tq_clock_us() */
    struct tq_source *source;
    struct tq_script *script;
    const char **types; /* those that this worker claims, sorted */
    size_t type_count;
};

/* Loads a source, which it refers to from then on; wanted are globs of types (none: all), folder is
   for messages. On failure nothing is left. In any thread; the thread needs no ticker. */
TQ_MUST_CHECK bool tq_generation_new(struct tq_source *source, const char *folder,
                                     const struct tq_texts *wanted,
                                     struct tq_generation **generation, struct tq_err *err);

/* Reads the folder, and loads it as the first generation; see tq_source_allow(). */
TQ_MUST_CHECK bool tq_generation_load(const char *folder, const struct tq_texts *wanted,
                                      const struct tq_texts *c_modules,
                                      struct tq_generation **generation, struct tq_err *err);

/* Without any handler, for a worker that waits for some. */
TQ_MUST_CHECK bool tq_generation_new_empty(const struct tq_texts *c_modules,
                                           struct tq_generation **generation, struct tq_err *err);

/* A state of its own for an executor, which has to give it a host before it runs anything in it.
   The state may be made in one thread and used in another. */
TQ_MUST_CHECK bool tq_generation_open(const struct tq_generation *generation,
                                      struct tq_script **script, struct tq_err *err);

void tq_generation_ref(struct tq_generation *generation);
void tq_generation_unref(struct tq_generation *generation);

#endif
