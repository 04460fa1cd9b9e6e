// SPDX-License-Identifier: MIT
//
// The dispatcher owns every task that this process holds, from claim to settlement: it hands
// claimed tasks to the executors, takes them back, and brings how they ended to the settler.
//
// Capacity is the slots, plus how far to claim ahead (pace.h), minus what is held. Held is
// everything from claim to settlement but for outcomes that are getting on: those that cannot be
// written stop the claims; listeners that are far behind stop them too. Main thread only.
#ifndef TQ_WORKER_DISPATCHER_H
#define TQ_WORKER_DISPATCHER_H

#include "worker/claimer.h"
#include "worker/events.h"
#include "worker/executor.h"
#include "worker/settler.h"
#include "worker/task.h"

struct tq_dispatcher;
struct tq_generation;

struct tq_dispatcher_config {
    struct tq_settler *settler;
    struct tq_generation *const *generation; /* the current one, when it is looked at */
    struct tq_claimer *claimer;              /* told of tasks that go back to the queue */
    struct tq_events *events;                /* told of tasks that are written */
    struct tq_executor *const *executors;
    const int *slots; /* of each executor */
    int executor_count;
    bool is_watched; /* by a person: the log says more */
};

struct tq_dispatcher_totals {
    int64_t claimed, completed, failed, retried, given_back, lost;
    int64_t first_us, last_us; /* tq_clock_us() of the first claim and the last settlement */
};

struct tq_dispatcher *tq_dispatcher_new(const struct tq_dispatcher_config *config);
void tq_dispatcher_free(struct tq_dispatcher *dispatcher); /* nothing is held */

/* A turn of the loop begins: what time it is for everything in it. */
void tq_dispatcher_begin_turn(struct tq_dispatcher *dispatcher, int64_t now_us);

/* How many tasks there is room for; the claimer asks. */
int tq_dispatcher_capacity(struct tq_dispatcher *dispatcher);

/* Claimed rows, highest priority first, to hand out under this worker id. */
void tq_dispatcher_take(struct tq_dispatcher *dispatcher, const struct tq_claimed *const *rows,
                        size_t count, int64_t worker_id);

/* A task back from an executor. One that has not started on an older generation starts on the
   current one, or goes back to the queue if that has no handler for it. */
void tq_dispatcher_take_back(struct tq_dispatcher *dispatcher, struct tq_task *task);

/* An executor does not get on with its tasks, or does again: it gets no new ones meanwhile, and its
   free slots do not count. */
void tq_dispatcher_set_held_up(struct tq_dispatcher *dispatcher, int executor, bool is_held_up);

/* A task that a lost thread has started, and keeps: it ends here, as stopped for that reason. */
void tq_dispatcher_lose(struct tq_dispatcher *dispatcher, struct tq_task *task, enum tq_stop reason,
                        const char *kind, const char *error);

size_t tq_dispatcher_held(const struct tq_dispatcher *dispatcher);
bool tq_dispatcher_holds(const struct tq_dispatcher *dispatcher, int64_t id, int32_t claims);

bool tq_dispatcher_holds_any_of(const struct tq_dispatcher *dispatcher, int64_t worker_id);

/* Stops the handler of a task that an executor has, and has it written as cancelled. One that has
   ended has ended. */
void tq_dispatcher_cancel(struct tq_dispatcher *dispatcher, int64_t id, int32_t claims);

/* Hands out nothing more; what has not started comes back and is given back. */
void tq_dispatcher_drain(struct tq_dispatcher *dispatcher);

/* Interrupts what runs, to be given back. Returns how many tasks are held. */
size_t tq_dispatcher_interrupt(struct tq_dispatcher *dispatcher);

/* The lease is lost: what is held is not ours any more. Interrupts it and drops the outcomes. */
void tq_dispatcher_fence(struct tq_dispatcher *dispatcher);

const struct tq_dispatcher_totals *tq_dispatcher_totals(const struct tq_dispatcher *dispatcher);

#endif
