// SPDX-License-Identifier: MIT
//
// The main thread's half of telling events to listeners. What was settled goes back to the executor
// that ran it, as a hearing, if the handlers' files have listeners for it; without any, nothing is
// made, sent or copied. So an event is told after the commit of what it tells, at most once: when
// the process dies in between, it is not told.
//
// What is being told is kept back from nothing, but when listeners fall behind by so much that
// memory is at stake, nothing more is claimed. Main thread only.
#ifndef TQ_WORKER_EVENTS_H
#define TQ_WORKER_EVENTS_H

#include "worker/executor.h"
#include "worker/hearing.h"

struct tq_events;
struct tq_generation;
struct tq_publisher;

struct tq_events_config {
    struct tq_generation *const *generation; /* the current one: which listeners there are */
    struct tq_publisher *publisher;          /* for those who follow the fleet */
    struct tq_executor *const *executors;
    int executor_count;
};

struct tq_events *tq_events_new(const struct tq_events_config *config);
void tq_events_free(struct tq_events *events); /* nothing is being told */

/* A written task: true, and it is theirs, if listeners are to be told of it. */
bool tq_events_take(struct tq_events *events, struct tq_task *task);

/* Whether anybody is to be told of such events. */
bool tq_events_wants(const struct tq_events *events, enum tq_event_kind kind);

/* A copy of a task whose handler starts, for those who follow. */
void tq_events_started(struct tq_events *events, struct tq_task *copy);

/* A task that no thread of this process ran, or not now; it is theirs. */
void tq_events_tell(struct tq_events *events, struct tq_task *task, enum tq_event_kind kind);

/* An executor has made a hearing of its own from the task that it returns. */
void tq_events_count_announced(struct tq_events *events);

/* A hearing is back. */
void tq_events_heard(struct tq_events *events, struct tq_task *task);

/* The thread that told it is lost, and frees it, if it ever comes back. */
void tq_events_lose(struct tq_events *events, const struct tq_task *task);

/* Sends what was taken in this turn of the loop. */
void tq_events_flush(struct tq_events *events);

/* Hearings that are not back. Those of starts count once their task is back. */
int64_t tq_events_pending(const struct tq_events *events);

/* The listeners are too far behind to let more tasks end. */
bool tq_events_is_full(const struct tq_events *events);

/* Stops all listeners: the worker must end. */
void tq_events_hush(struct tq_events *events);

#endif
