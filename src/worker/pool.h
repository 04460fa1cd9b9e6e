// SPDX-License-Identifier: MIT
//
// The executors of a worker, and how many slots each has. Embedded in the worker; main thread.
#ifndef TQ_WORKER_POOL_H
#define TQ_WORKER_POOL_H

#include "worker/executor.h"

struct tq_pool {
    struct tq_executor **executors;
    int *slots;
    int count;
    struct tq_executor_config config; /* of each, but for the slots */
};

struct tq_pool_config {
    struct tq_executor_config executor; /* its slots are filled by the pool */
    struct tq_generation *generation;   /* what they load */
    int64_t threads, concurrency;
};

/* Starts min(threads, concurrency) executors (threads 0: one a core). On failure those that had
   started have ended. */
TQ_MUST_CHECK bool tq_pool_start(struct tq_pool *pool, const struct tq_pool_config *config,
                                 struct tq_err *err);

/* One more executor, to take the place of another one: it has the same slots. */
TQ_MUST_CHECK bool tq_pool_start_spare(const struct tq_pool *pool, int index,
                                       struct tq_generation *generation, struct tq_executor **spare,
                                       struct tq_err *err);

/* Ends the threads, which have nothing left, and waits for them. */
void tq_pool_end(struct tq_pool *pool);

#endif
