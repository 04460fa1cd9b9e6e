// SPDX-License-Identifier: MIT
//
// Looking at slices, and replacing threads.
#include "worker/watchdog.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "script/script.h"

enum {
    PERIOD_MS = 25,
    HELD_UP_US = 100 * 1000,
    MAX_BACKENDS = 1024,  /* as many as --handler-connections may be */
    MAX_LOST_THREADS = 8, /* at once; with more the owner is told */
};

/* Of one executor. */
struct watch {
    uint64_t slice;    /* that it was in at the last tick; 0: in none */
    int64_t lasted_us; /* that we saw */
};

struct tq_watchdog {
    struct tq_watchdog_config config;
    uv_timer_t timer;
    int64_t ticked_us; /* 0: it does not tick */
    struct watch *watches;
};

/* A thread that is being given up. */
struct loss {
    struct tq_watchdog *watchdog;
    int64_t lasted_us;
    bool is_stuck; /* for long enough to count as its task's fault */
};

struct tq_watchdog *tq_watchdog_new(const struct tq_watchdog_config *config)
{
    struct tq_watchdog *watchdog = tq_zalloc(sizeof *watchdog);

    watchdog->config = *config;
    watchdog->watches = tq_zalloc((size_t)config->pool->count * sizeof *watchdog->watches);
    (void)uv_timer_init(config->loop, &watchdog->timer); /* always 0 */
    watchdog->timer.data = watchdog;
    return watchdog;
}

static void on_closed(uv_handle_t *timer)
{
    struct tq_watchdog *watchdog = timer->data;

    free(watchdog->watches);
    free(watchdog);
}

void tq_watchdog_close(struct tq_watchdog *watchdog)
{
    uv_close((uv_handle_t *)&watchdog->timer, on_closed);
}

static void take_back_all(struct tq_watchdog *watchdog, struct tq_letter *letter)
{
    struct tq_letter *next;

    for (; letter != NULL; letter = next) {
        struct tq_task *task = (struct tq_task *)letter; /* it is the first member */

        next = letter->next;
        tq_dispatcher_take_back(watchdog->config.dispatcher, task);
    }
}

static void on_lost_task(void *arg, struct tq_task *task, bool is_culprit)
{
    const struct loss *loss = arg;
    struct tq_dispatcher *dispatcher = loss->watchdog->config.dispatcher;
    char error[128];

    if (!is_culprit || !loss->is_stuck) {
        tq_dispatcher_lose(dispatcher, task, TQ_STOP_INTERRUPTED, "interrupted",
                           "interrupted: the thread of the task was stuck");
        return;
    }
    (void)snprintf(error, sizeof error,
                   "stuck: the task was in a C call that did not return for %lld ms",
                   (long long)loss->lasted_us / 1000);
    tq_log(TQ_LOG_ERROR, "watchdog", "a thread is stuck, and replaced",
           "task=%lld type=%s attempt=%d ms=%lld", (long long)task->settlement.settled.id,
           task->type, task->attempts, (long long)loss->lasted_us / 1000);
    tq_dispatcher_lose(dispatcher, task, TQ_STOP_STUCK, "stuck", error);
}

/* ---- what a lost thread has in the database ---- */

static void on_terminated(struct tq_request *request, const struct tq_rows *rows,
                          const struct tq_err *err)
{
    (void)rows; /* how many does not matter */
    if (err != NULL)
        tq_log(TQ_LOG_WARN, "watchdog", "cannot end the database sessions of a lost thread",
               "error=%s", err->message);
    free(request);
}

static void terminate(struct tq_watchdog *watchdog, const int32_t *backends, size_t count)
{
    struct tq_request *request;

    if (count == 0)
        return;
    request = tq_zalloc(sizeof *request);
    request->connection = watchdog->config.connection;
    request->on_done = on_terminated;
    tq_repository_terminate(request, backends, count);
}

/* ---- replacing ---- */

/* Unless the slice has just ended. */
static void replace(struct tq_watchdog *watchdog, int index, bool is_stuck)
{
    struct tq_pool *pool = watchdog->config.pool;
    struct tq_executor *executor = pool->executors[index], *spare;
    struct watch *watch = &watchdog->watches[index];
    struct loss loss = {watchdog, watch->lasted_us, is_stuck};
    int32_t backends[MAX_BACKENDS];
    struct tq_err err;

    if (!tq_executor_seize(executor, watch->slice))
        return;
    if (!tq_pool_start_spare(pool, index, *watchdog->config.generation, &spare, &err)) {
        tq_executor_let_go(executor);
        tq_log(TQ_LOG_ERROR, "watchdog", "a thread is stuck and cannot be replaced", "error=%s",
               err.message);
        watch->lasted_us = 0; /* again after the same time */
        return;
    }

    struct tq_letter *finished = tq_executor_take_finished(executor);
    struct tq_letter *unstarted = tq_executor_take_unstarted(executor);
    struct tq_letters hearings = tq_executor_take_hearings(executor);
    size_t backend_count = tq_executor_backends(executor, backends, MAX_BACKENDS);

    tq_executor_give_up(executor, on_lost_task, &loss);
    tq_executor_let_go(executor);
    terminate(watchdog, backends, backend_count);
    pool->executors[index] = spare;
    tq_executor_give(spare, &hearings);
    *watch = (struct watch){0};
    tq_dispatcher_set_held_up(watchdog->config.dispatcher, index, false);
    take_back_all(watchdog, finished);
    take_back_all(watchdog, unstarted);
    if (atomic_load(pool->config.lost_threads) > MAX_LOST_THREADS)
        watchdog->config.on_too_many(watchdog->config.owner);
}

static void relieve(struct tq_watchdog *watchdog, int index)
{
    const struct watch *watch = &watchdog->watches[index];
    struct tq_executor *executor = watchdog->config.pool->executors[index];
    struct tq_letter *unstarted;

    if (!tq_executor_seize(executor, watch->slice))
        return;
    if (watch->lasted_us >= watchdog->config.stuck_after_ms * 1000 / 5 * 4)
        tq_executor_ask(executor, TQ_STOP_STUCK);
    unstarted = tq_executor_take_unstarted(executor);
    tq_executor_let_go(executor);
    take_back_all(watchdog, unstarted);
}

static void look_at(struct tq_watchdog *watchdog, int index, int64_t elapsed_us)
{
    struct watch *watch = &watchdog->watches[index];
    uint64_t slice = tq_executor_slice(watchdog->config.pool->executors[index]);
    bool is_same = slice != 0 && slice == watch->slice;

    watch->lasted_us = is_same ? watch->lasted_us + elapsed_us : 0;
    watch->slice = slice;
    tq_dispatcher_set_held_up(watchdog->config.dispatcher, index, watch->lasted_us >= HELD_UP_US);
    if (watch->lasted_us >= watchdog->config.stuck_after_ms * 1000)
        replace(watchdog, index, true);
    else if (watch->lasted_us >= HELD_UP_US)
        relieve(watchdog, index);
}

static void on_timer(uv_timer_t *timer)
{
    struct tq_watchdog *watchdog = timer->data;
    int64_t now_us = tq_clock_us();
    int64_t elapsed_us = now_us - watchdog->ticked_us;

    if (elapsed_us > 2 * PERIOD_MS * 1000)
        elapsed_us = 2 * PERIOD_MS * 1000;
    watchdog->ticked_us = now_us;
    for (int i = 0; i < watchdog->config.pool->count; i++)
        look_at(watchdog, i, elapsed_us);
}

/* Nothing holds a thread that has nothing; and nobody would look at it again before it has. */
static void relax(struct tq_watchdog *watchdog, int index)
{
    watchdog->watches[index] = (struct watch){0};
    tq_dispatcher_set_held_up(watchdog->config.dispatcher, index, false);
}

void tq_watchdog_mind(struct tq_watchdog *watchdog)
{
    bool is_needed = tq_dispatcher_held(watchdog->config.dispatcher) > 0 ||
                     tq_events_pending(watchdog->config.events) > 0;

    if (is_needed == (watchdog->ticked_us != 0))
        return;
    watchdog->ticked_us = is_needed ? tq_clock_us() : 0;
    if (is_needed) {
        (void)uv_timer_start(&watchdog->timer, on_timer, PERIOD_MS, PERIOD_MS); /* not null */
        return;
    }
    (void)uv_timer_stop(&watchdog->timer); /* always 0 */
    for (int i = 0; i < watchdog->config.pool->count; i++)
        relax(watchdog, i);
}

void tq_watchdog_give_up_all(struct tq_watchdog *watchdog)
{
    for (int i = 0; i < watchdog->config.pool->count; i++) {
        if (watchdog->watches[i].lasted_us >= HELD_UP_US)
            replace(watchdog, i, false);
    }
}
