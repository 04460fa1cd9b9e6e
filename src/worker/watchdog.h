// SPDX-License-Identifier: MIT
//
// The watchdog looks after threads that do not come back from Lua: a C call cannot be interrupted.
//
//     a slice lasts 100 ms       what has not started behind it goes to another thread, or back to
//                                the queue; the thread gets no new tasks
//     it lasts 4/5 of            its task is asked to stop, which it does if this is Lua code that
//       --stuck-after            cannot be suspended, and no C call
//     it lasts --stuck-after     the thread is given up and replaced. The task that holds it fails
//                                as "stuck"; its neighbours go back to the queue, their attempts
//                                too; what its handlers have under way in the database is ended
//     too many were given up     the owner is told: they use processors and memory for nothing
//
// How long a slice lasts is counted in the watchdog's own ticks, so that a process that was stopped
// or a machine that was suspended does not look stuck. Main thread only.
#ifndef TQ_WORKER_WATCHDOG_H
#define TQ_WORKER_WATCHDOG_H

#include <uv.h>

#include "worker/dispatcher.h"
#include "worker/pool.h"

struct tq_watchdog;

struct tq_watchdog_config {
    uv_loop_t *loop;
    struct tq_pool *pool;
    struct tq_generation *const *generation; /* the current one, for new threads */
    struct tq_dispatcher *dispatcher;
    struct tq_connection *connection; /* the control connection */
    struct tq_events *events;
    int64_t stuck_after_ms;
    void *owner;
    void (*on_too_many)(void *owner); /* after each thread from the 9th on that is stuck at once */
};

struct tq_watchdog *tq_watchdog_new(const struct tq_watchdog_config *config);
void tq_watchdog_close(struct tq_watchdog *watchdog); /* frees by the loop's next turn */

/* Once a turn: it looks as long as tasks are held, or listeners told. */
void tq_watchdog_mind(struct tq_watchdog *watchdog);

/* The worker leaves: gives up every thread that does not get on now. */
void tq_watchdog_give_up_all(struct tq_watchdog *watchdog);

#endif
