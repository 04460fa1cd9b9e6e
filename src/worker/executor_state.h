// SPDX-License-Identifier: MIT
//
// The inside of an executor, for the files that make it up: executor.c (the thread),
// executor_run.c (its tasks), executor_hear.c (its listeners), executor_loaded.c (its Lua states),
// executor_salvage.c (what the main thread does when it is stuck), and host_*.c, which are the
// executor as the host of its Lua state: what binding/host.h asks for, one file a kind of wait.
//
// A slice is the time that Lua code of a task runs, which may be for ever. The executor holds its
// lock at all times but in a slice, so whoever gets the lock knows that the thread is inside of one
// and that everything marked [lock] stands still.
#ifndef TQ_WORKER_EXECUTOR_STATE_H
#define TQ_WORKER_EXECUTOR_STATE_H

#include <uv.h>

#include "binding/host.h"
#include "worker/executor.h"

struct tq_client_pool;
struct tq_net;

/* A generation in this thread. Referred to by the runs that began in it. */
struct tq_loaded {
    struct tq_generation *generation; /* referenced */
    struct tq_script *script;         /* owned */
    int runs;
    struct tq_loaded *next; /* an older one */
};

/* Tasks one behind the other, by their links. */
struct tq_tasks {
    struct tq_task *first, **last;
};

static inline void tq_tasks_init(struct tq_tasks *tasks)
{
    tasks->first = NULL;
    tasks->last = &tasks->first;
}

static inline void tq_tasks_append(struct tq_tasks *tasks, struct tq_task *task)
{
    task->link = NULL;
    *tasks->last = task;
    tasks->last = &task->link;
}

/* Takes out the task that `at`, the first or a link, points to. */
static inline struct tq_task *tq_tasks_take(struct tq_tasks *tasks, struct tq_task **at)
{
    struct tq_task *task = *at;

    *at = task->link;
    if (*at == NULL)
        tasks->last = at;
    return task;
}

struct tq_executor {
    struct tq_executor_config config; /* [const] */
    uv_thread_t thread;               /* [main] */
    struct tq_generation *first;      /* what the thread begins with; until started is posted */
    uv_sem_t started;                 /* [const] */
    struct tq_err start_err;          /* [executor] until started is posted, then [main] */
    bool is_started;                  /* likewise */

    uv_mutex_t lock;
    uint64_t slice;          /* [lock] number of the current one, or the last */
    bool is_given_up;        /* [lock] nothing of the following is the thread's any more */
    struct tq_task *orphans; /* [lock] of a thread that was given up: for it to free */

    uv_loop_t loop; /* the rest: [executor], and [lock] where it says so */
    struct tq_inbox inbox;
    uv_idle_t idle;  /* active while something can run */
    uv_timer_t tick; /* active while something waits or has not started */
    struct tq_net *net;
    struct tq_client_pool *clients;
    struct tq_host host;
    struct tq_loaded *loaded; /* newest first; the older ones until their last run ends */

    int64_t now_us;    /* tq_clock_us() between two slices */
    int64_t ticked_us; /* when the tick came last */
    bool was_late;     /* then */
    bool has_progress;
    int64_t progress_us; /* when it was posted last */

    /* [lock] A task is in one of these, or was given back. */
    struct tq_task *current;   /* of the slice; in no list */
    struct tq_tasks ready;     /* not started */
    struct tq_tasks runnable;  /* started, and their wait is over */
    struct tq_tasks preempted; /* started, and their slice was over */
    struct tq_task *waiting;   /* started, doubly linked */
    struct tq_letters outbox;  /* finished, not posted yet */
    size_t outbox_count;
    int running;       /* started and not finished */
    int64_t last_pipe; /* the number that was given last */

    struct tq_tasks hearings; /* not begun */
    int hearings_running;
    bool is_hushed; /* no more of them are told */
};

/* executor_run.c */

void tq_executor_init_lists(struct tq_executor *executor);

/* A task that arrived: it starts when a slot is free. */
void tq_executor_receive(struct tq_executor *executor, struct tq_task *task);

/* A wait of this task is over: it becomes runnable. From callbacks of the loop; within a slice only
   of the task whose slice it is, whose wait was over before it began. */
void tq_executor_wake(struct tq_executor *executor, struct tq_task *task);

/* Runs slices for a while. */
void tq_executor_pump(struct tq_executor *executor);

/* Gives back what has not started and was received before that time. */
void tq_executor_return_unstarted(struct tq_executor *executor, int64_t received_before_us);

/* Stops and returns everything; or tells the one task, if it is still here, that it is cancelled.
 */
void tq_executor_interrupt_all(struct tq_executor *executor);
void tq_executor_stop_one(struct tq_executor *executor, int64_t id, int32_t claims);

/* Keeps on_tick() coming. */
void tq_executor_start_tick(struct tq_executor *executor);

/* host_progress.c: what handlers have told since the last time, if that is a second ago. */
void tq_executor_post_progress(struct tq_executor *executor);

/* After a slice: the thread was given up meanwhile. Frees what it still has, and ends it. */
void tq_executor_leave(struct tq_executor *executor);
/* executor_loaded.c */

/* Takes over a script of a newer generation. */
void tq_executor_load(struct tq_executor *executor, struct tq_generation *generation,
                      struct tq_script *script);

/* The newest, until it is released; a run begins in it. */
struct tq_loaded *tq_executor_hold(struct tq_executor *executor);
void tq_executor_release(struct tq_executor *executor, struct tq_loaded *loaded);

/* At the end: nothing runs. */
void tq_executor_unload_all(struct tq_executor *executor);

/* What a run sees of the task. */
struct tq_run_task tq_executor_describe(const struct tq_executor *executor,
                                        const struct tq_task *task);

/* Its run goes on when it is its turn. */
void tq_executor_queue(struct tq_executor *executor, struct tq_task *task);

/* Sends it to the main thread, as a letter of this kind, with the next batch. */
void tq_executor_post(struct tq_executor *executor, struct tq_task *task, enum tq_letter_kind kind);

/* Stops what the listeners do, and returns every hearing. */
void tq_executor_hush(struct tq_executor *executor);

/* executor_hear.c */

/* A hearing that arrived: the pump begins it. */
void tq_executor_hear(struct tq_executor *executor, struct tq_task *task);

/* Tells the listeners that this task starts, by a copy of it. */
void tq_executor_announce(struct tq_executor *executor, struct tq_task *task);

/* Starts the first listener of each hearing that may be told now. */
void tq_executor_begin_hearings(struct tq_executor *executor);

/* The run of its listener is done. */
void tq_executor_heard(struct tq_executor *executor, struct tq_task *task);

/* Returns what has not begun; no further listener is started. */
void tq_executor_end_hearings(struct tq_executor *executor);

/* host.c fills executor->host; each of the others its own functions in it. */

void tq_host_init(struct tq_executor *executor);
void tq_host_add_sleep(struct tq_host *host);
void tq_host_add_mail(struct tq_host *host);
void tq_host_add_progress(struct tq_host *host);
void tq_host_add_query(struct tq_host *host);
void tq_host_add_http(struct tq_host *host);
void tq_host_add_spawn(struct tq_host *host);
void tq_host_add_pipe(struct tq_host *host);
void tq_host_add_transaction(struct tq_host *host);

/* Rolls back what is open; the run has ended. */
void tq_host_end_transaction(struct tq_task *task);

/* The task waits for the answer to a COMMIT: it is not to be stopped before that is known. */
bool tq_host_is_deciding(const struct tq_task *task);

#endif
