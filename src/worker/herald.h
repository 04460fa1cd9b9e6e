// SPDX-License-Identifier: MIT
//
// The herald keeps the worker's row true about its handlers: which types it claims, so that others
// ring for it, and why the newest files do not load, so that people see it. Embedded in the worker;
// main thread.
#ifndef TQ_WORKER_HERALD_H
#define TQ_WORKER_HERALD_H

#include <stdbool.h>

#include "database/repository.h"

struct tq_generation;

struct tq_herald {
    struct tq_generation *const *generation; /* [const] the current one, when it is looked at */
    int64_t worker_id;                       /* 0: not registered yet */
    struct tq_request request;               /* its connection is set by the worker */
    bool is_due;
    char *error; /* of the files as they are now, or NULL */
};

/* The row is another one, which says nothing yet but the types. */
void tq_herald_register(struct tq_herald *herald, int64_t worker_id);

/* The generation has changed. */
void tq_herald_announce(struct tq_herald *herald);

/* The files do not load, for this reason; NULL: they do. */
void tq_herald_set_error(struct tq_herald *herald, const char *error);

void tq_herald_deinit(struct tq_herald *herald);

/* To be called now and then: what could not be written before is written now. */
void tq_herald_catch_up(struct tq_herald *herald);

#endif
