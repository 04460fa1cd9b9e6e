// SPDX-License-Identifier: MIT
//
// The executor as the host of its Lua state: what binding/host.h asks for, on the executor's loop.
// Only executor.c and executor_host.c know this file.
#ifndef TQ_WORKER_EXECUTOR_HOST_H
#define TQ_WORKER_EXECUTOR_HOST_H

#include <uv.h>

#include "binding/host.h"
#include "worker/executor.h"

struct tq_net;

struct tq_executor {
    struct tq_executor_config config; /* [const] */
    uv_thread_t thread;               /* [main] */
    uv_sem_t started;                 /* [const] */
    struct tq_err start_err;          /* [executor] until started is posted, then [main] */
    bool is_started;                  /* likewise */

    uv_loop_t loop; /* the rest: [executor] */
    struct tq_inbox inbox;
    uv_idle_t idle;  /* active while something can run */
    uv_timer_t tick; /* active while something waits or has not started */
    struct tq_net *net;
    struct tq_host host;
    struct tq_script *script;

    int64_t now_us;                              /* tq_clock_us() between two slices */
    struct tq_task *current;                     /* in tq_run_resume() */
    struct tq_task *ready, **ready_last;         /* not started */
    struct tq_task *runnable, **runnable_last;   /* started, and their wait is over */
    struct tq_task *preempted, **preempted_last; /* started, and their slice was over */
    struct tq_task *waiting;                     /* started, doubly linked */
    struct tq_letter *outbox, **outbox_last;     /* finished, not posted yet */
    size_t outbox_count;
    int running; /* started and not finished */
};

/* Fills executor->host. */
void tq_executor_host_init(struct tq_executor *executor);

/* A wait of this task is over: it becomes runnable. */
void tq_executor_wake(struct tq_executor *executor, struct tq_task *task);

#endif
