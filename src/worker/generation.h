// SPDX-License-Identifier: MIT
//
// A generation: one reading of the handler files. Its source is what every executor loads; its
// script is the main thread's own, for the handlers' facts (types, timeouts, retries); no handler
// runs in it. Main thread.
#ifndef TQ_WORKER_GENERATION_H
#define TQ_WORKER_GENERATION_H

#include <stddef.h>

#include "base/error.h"
#include "base/options.h"

struct tq_script;
struct tq_source;

struct tq_generation {
    struct tq_source *source;
    struct tq_script *script;
    const char **types; /* those that this worker claims, sorted */
    size_t type_count;
};

/* Reads and loads the folder; wanted are globs of types (none: all). On failure nothing is left. */
TQ_MUST_CHECK bool tq_generation_load(struct tq_generation *generation, const char *folder,
                                      const struct tq_texts *wanted, struct tq_err *err);
void tq_generation_deinit(struct tq_generation *generation);

#endif
