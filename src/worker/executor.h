// SPDX-License-Identifier: MIT
//
// An executor: a thread with a loop and Lua states of its own (one, and for a while after a reload
// the ones before it), which runs tasks as coroutines, as many at once as it has slots. The main
// thread starts it, posts tasks and orders to it, and gets every task back through its own inbox,
// with the end of the run filled in.
#ifndef TQ_WORKER_EXECUTOR_H
#define TQ_WORKER_EXECUTOR_H

#include <stdatomic.h>
#include <sys/resource.h>

#include "loop/inbox.h"
#include "worker/task.h"

struct tq_executor;
struct tq_minder;
struct tq_generation;
struct tq_script;

/* Kinds of letters. Tasks and hearings travel both ways; the others are orders to an executor. */
enum tq_letter_kind {
    TQ_LETTER_TASK,
    TQ_LETTER_PROGRESS,  /* to the main thread: struct tq_progress_report */
    TQ_LETTER_GIVE_BACK, /* return what has not started */
    TQ_LETTER_INTERRUPT, /* return everything now, started or not */
    TQ_LETTER_CANCEL,    /* stop and return one task, if it is still here */
    TQ_LETTER_ADOPT,     /* a newer generation: return what has not started */
    TQ_LETTER_STARTED,   /* to main: a copy of a task whose handler starts */
    TQ_LETTER_HEARING,   /* tell it to the listeners */
    TQ_LETTER_HEARD,     /* and back */
    TQ_LETTER_HUSH,      /* stop the listeners, and return every hearing now */
    TQ_LETTER_QUIT,      /* nothing is left: end the thread */
};

struct tq_executor_config {
    int slots;                      /* handlers that run at once */
    struct tq_inbox *main_inbox;    /* where tasks go back to */
    const char *worker_name;        /* context.worker_id */
    int64_t task_timeout_ms;        /* of handlers that name none */
    struct tq_minder *minder;       /* of the programs that handlers start */
    rlim_t files_of_children;       /* that they may have open; 0: as many as we */
    const atomic_bool *is_followed; /* somebody wants to know what starts */
    const atomic_bool *is_draining; /* nothing starts; what is_shutting_down() says */
    const char *conninfo;           /* of handlers' own connections */
    bool is_pooled;                 /* they go through a pooler that hands out servers */
    int handler_connections;        /* at most */
    int64_t lease_ms;
    atomic_int *lost_threads; /* given up, and not ended yet: they use what this names */
};

/* Starts the thread and waits until it has loaded the generation, or has failed to. */
TQ_MUST_CHECK bool tq_executor_start(const struct tq_executor_config *config,
                                     struct tq_generation *generation,
                                     struct tq_executor **executor, struct tq_err *err);

/* Task letters, which it takes out of the chain; or one order. */
void tq_executor_give(struct tq_executor *executor, struct tq_letters *letters);
void tq_executor_order(struct tq_executor *executor, enum tq_letter_kind order);

void tq_executor_cancel(struct tq_executor *executor, int64_t id, int32_t claims);

/* All tasks that are given from now on belong to this generation; the script is one that it opened,
   and is the executor's from now on. What runs goes on as it began. */
void tq_executor_adopt(struct tq_executor *executor, struct tq_generation *generation,
                       struct tq_script *script);

/* After TQ_LETTER_QUIT: waits for the thread and frees. */
void tq_executor_join(struct tq_executor *executor);

/* ---- an executor whose thread does not come back; executor_salvage.c ---- */

/* The number of the slice that the thread is in; 0: it is in none. */
uint64_t tq_executor_slice(struct tq_executor *executor);

/* Holds the thread where it is, if it still is in that slice, until tq_executor_let_go(). Nothing
   else of this group may be called without. */
TQ_MUST_CHECK bool tq_executor_seize(struct tq_executor *executor, uint64_t slice);
void tq_executor_let_go(struct tq_executor *executor);

/* Takes what has not started: a chain of task letters, or NULL. */
struct tq_letter *tq_executor_take_unstarted(struct tq_executor *executor);

/* After that: takes the hearings that have not begun, for another executor. */
struct tq_letters tq_executor_take_hearings(struct tq_executor *executor);

/* Takes what has finished and was not posted yet: likewise. */
struct tq_letter *tq_executor_take_finished(struct tq_executor *executor);

/* The server's processes that its handlers have sessions with: how many, at most `most`. */
size_t tq_executor_backends(struct tq_executor *executor, int32_t *pids, size_t most);

/* Has the task stopped that holds the thread, should Lua code of it run. */
void tq_executor_ask(struct tq_executor *executor, enum tq_stop reason);

/* After what can be taken was taken: gives the thread up, with the tasks that it has started: it
   stops and frees them, and itself, should it ever come back. `visit` sees each of them, to go on
   with a copy, and whether the thread is stuck in it. After the release nobody may name the
   executor again. */
void tq_executor_give_up(struct tq_executor *executor,
                         void (*visit)(void *arg, struct tq_task *task, bool is_culprit),
                         void *arg);

#endif
