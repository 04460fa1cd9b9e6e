// SPDX-License-Identifier: MIT
//
// A task that this process holds, from claim to settlement. One thread owns it at a time: the main
// thread makes it, an executor runs it and says how that ended, the main thread settles and frees
// it. It travels as a letter.
#ifndef TQ_WORKER_TASK_H
#define TQ_WORKER_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "database/repository.h"
#include "loop/inbox.h"
#include "script/run.h"

struct tq_generation;
struct tq_handler;
struct tq_transaction;
struct tq_loaded;
struct tq_hearing;

enum { TQ_DEFAULT_MAX_ATTEMPTS = 3 };

/* How a settlement is written: one list and one statement each. */
enum tq_verdict {
    TQ_VERDICT_COMPLETE,
    TQ_VERDICT_COMPLETE_LOGGED, /* likewise, and its handler said something while it ran */
    TQ_VERDICT_FAIL,
    TQ_VERDICT_REQUEUE,
    TQ_VERDICT_COUNT
};

/* Something for the settler to write: of a held task, or of a dead worker's. */
struct tq_settlement {
    struct tq_settled settled; /* texts are owned by whoever owns the settlement */
    enum tq_verdict verdict;
    struct tq_settlement *next; /* the settler's list */
    int refusals;               /* of its data: the settler has replaced them */
    bool is_unsure;             /* it was sent, and the connection broke before the answer */
    bool is_undecided;          /* the handler's COMMIT was under way when its thread was given up:
                                   it may be completed, with settled.result */
    char *own_error;            /* the replacement, owned by the settlement */
    /* Written (true), or lost: the fence no longer holds. The settlement is the receiver's again.
     */
    void (*on_settled)(struct tq_settlement *settlement, bool is_written);
    void *owner;
};

struct tq_task {
    struct tq_letter letter;         /* first: it is what travels */
    struct tq_settlement settlement; /* [owner]; settled holds the fence from the start */

    /* Since the claim. [const] */
    const char *type;
    int priority;
    int attempts, own_max_attempts;         /* 0: the handler's */
    int64_t scheduled_at_us, created_at_us; /* since the epoch */
    size_t payload_len;

    /* Of the generation that it is to run on: [main], and [const] while an executor has it. */
    struct tq_generation *generation; /* referenced */
    const struct tq_handler *handler; /* the facts in it; NULL: it has no handler for the type */
    size_t handler_index;             /* the same in every script of the generation */
    int max_attempts;                 /* the effective one */

    /* [main] */
    struct tq_task *previous, *next; /* of all held ones */
    int executor;                    /* index of the one that has it, or -1 */
    int last_executor;               /* that had it, or -1 */
    bool is_fenced;                  /* the lease was lost: nothing is written any more */

    /* [executor] while it has it */
    struct tq_task *link; /* ready or runnable list */
    struct tq_run *run;
    struct tq_loaded *loaded;                                /* what it runs in */
    struct tq_transaction *transaction;                      /* of the handler, while it is open */
    int64_t received_us, soft_deadline_us, hard_deadline_us; /* tq_clock_us() */
    int64_t started_us, ended_us;                            /* of the handler; likewise */
    bool is_waiting, has_seen_shutdown;
    bool is_announced;          /* a copy of it is a hearing of its start */
    struct tq_hearing *hearing; /* owned; it is told to listeners, and is no task any more */
    struct tq_task *waiting_previous, *waiting_next;

    /* The raw end of the run, filled by the executor. */
    enum tq_outcome_kind outcome;
    enum tq_stop stop;
    bool is_unstarted; /* it never ran: give it back */
    bool is_exhausted; /* it must not run: earlier attempts, whose workers are gone, used them all
                          up */
    bool is_discarded;
    bool is_committed; /* its transaction has completed it, with result: nothing is to be written */
    bool is_lost;      /* its transaction found that it is not this worker's any more */
    int64_t delay_ms;
    char *result, *error, *traceback, *error_kind, *notes; /* owned */

    char payload[]; /* JSON, payload_len bytes and a NUL; then the type */
};

/* A task of this process from a claimed row. */
struct tq_task *tq_task_new(const struct tq_claimed *row, int64_t worker_id);

/* How often a task may be tried that says `own` itself, or 0; handler may be NULL. */
int tq_task_max_attempts(int own, const struct tq_handler *handler);

/* Before it is given to an executor, and again when it has not started and a newer generation is
   there: the generation that it is to run on, which has the handler at the index. */
void tq_task_bind(struct tq_task *task, struct tq_generation *generation,
                  const struct tq_handler *handler, size_t index);
void tq_task_free(struct tq_task *task);

/* What is known of the task without its run: for the settlement of one that a stuck executor has
   and keeps, which must not be in a slice that could change it, and for listeners. What is the main
   thread's is left out. */
struct tq_task *tq_task_copy(const struct tq_task *task);

/* Decides from the outcome how the task goes on: fills settlement.verdict and settlement.settled.
   unit is a random number in [0, 1) for the backoff's jitter; now_us is the time since the epoch on
   the database's clock. The whole of the retry rules is here. */
void tq_task_judge(struct tq_task *task, double unit, int64_t now_us);

#endif
