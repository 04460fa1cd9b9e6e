// SPDX-License-Identifier: MIT
//
// Starting and ending executors.
#include "worker/pool.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "worker/signals.h"

static int thread_count(int64_t threads, int64_t concurrency)
{
    int64_t count = threads > 0 ? threads : sysconf(_SC_NPROCESSORS_ONLN);

    if (count > concurrency)
        count = concurrency;
    return count < 1 ? 1 : (int)count;
}

bool tq_pool_start(struct tq_pool *pool, const struct tq_pool_config *config, struct tq_err *err)
{
    int64_t concurrency = config->concurrency;
    int count = thread_count(config->threads, concurrency);

    pool->config = config->executor;
    pool->executors = tq_zalloc((size_t)count * sizeof(struct tq_executor *));
    pool->slots = tq_zalloc((size_t)count * sizeof *pool->slots);
    while (pool->count < count) {
        int i = pool->count;

        pool->slots[i] = (int)(concurrency / count + (i < concurrency % count ? 1 : 0));
        if (!tq_pool_start_spare(pool, i, config->generation, &pool->executors[i], err)) {
            tq_pool_end(pool);
            return false;
        }
        pool->count++;
    }
    return true;
}

bool tq_pool_start_spare(const struct tq_pool *pool, int index, struct tq_generation *generation,
                         struct tq_executor **spare, struct tq_err *err)
{
    struct tq_executor_config config = pool->config;
    sigset_t signals;
    bool is_started;

    config.slots = pool->slots[index];
    tq_signals_hold(&signals);
    is_started = tq_executor_start(&config, generation, spare, err);
    tq_signals_release(&signals);
    return is_started;
}

void tq_pool_end(struct tq_pool *pool)
{
    for (int i = 0; i < pool->count; i++)
        tq_executor_order(pool->executors[i], TQ_LETTER_QUIT);
    for (int i = 0; i < pool->count; i++)
        tq_executor_join(pool->executors[i]);
    free(pool->executors);
    free(pool->slots);
    *pool = (struct tq_pool){0};
}
