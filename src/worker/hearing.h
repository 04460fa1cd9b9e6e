// SPDX-License-Identifier: MIT
//
// A hearing: a task of which listeners are told an event. It is a struct tq_task like one that a
// handler runs, so all that waits works in listeners too, but it holds no slot, and nothing is
// written about it. Two become one:
//
//     a task that was settled    the main thread sends it back to the executor that ran it
//     a copy of one              made by an executor when the handler starts, or by the main thread
//                                from a row
//
// An executor tells the listeners of its script one after the other, and returns the hearing to the
// main thread as TQ_LETTER_HEARD; tq_task_free() frees it.
#ifndef TQ_WORKER_HEARING_H
#define TQ_WORKER_HEARING_H

#include "script/event.h"
#include "worker/task.h"

struct tq_hearing {
    struct tq_event event; /* texts are the task's */
    size_t next;           /* the listener to be told next */
    size_t bytes;          /* held by the task */
};

/* The event, as the task tells it; texts are the task's. */
struct tq_event tq_hearing_event(const struct tq_task *task, enum tq_event_kind kind);

/* Makes the task a hearing of this event. */
void tq_hearing_begin(struct tq_task *task, enum tq_event_kind kind);

/* What the settled task is an event of; false: of none (given back, snoozed, cancelled). */
bool tq_hearing_kind(const struct tq_task *task, enum tq_event_kind *kind);

#endif
