// SPDX-License-Identifier: MIT
//
// Events of tasks that this process has not run, for its listeners: what somebody has created, and
// what failed because its worker is gone. Their rows are read first, and may tell of a later state.
//
// While there are listeners of worker-task:created, it promises every few seconds that somebody
// hears, so that inserts notify. What is created during an outage is not told. Embedded in the
// worker; main thread.
#ifndef TQ_WORKER_HEARSAY_H
#define TQ_WORKER_HEARSAY_H

#include "database/repository.h"
#include "script/event.h"

struct tq_events;
struct tq_generation;

enum { TQ_HEARSAY_MOST = 5000, TQ_HEARSAY_BATCH = 500 };

struct tq_rumour {
    int64_t id;
    enum tq_event_kind kind;
    bool will_retry;                /* failed */
    const char *error_kind, *error; /* failed; constants */
};

struct tq_hearsay {
    struct tq_generation *const *generation; /* [const] the current one, when it is looked at */
    struct tq_events *events;                /* [const] */
    struct tq_request promise, reading;      /* their connection is set by the worker */
    bool is_ended;
    struct tq_rumour waiting[TQ_HEARSAY_MOST], asked[TQ_HEARSAY_BATCH];
    size_t waiting_count, asked_count, dropped;
};

/* To be called at each renewal, and when the handlers have changed. */
void tq_hearsay_promise(struct tq_hearsay *hearsay);

/* These have been created: a list of ids, "7,8". */
void tq_hearsay_take_created(struct tq_hearsay *hearsay, const char *ids);

/* An attempt failed, because its worker is gone. */
void tq_hearsay_take_failed(struct tq_hearsay *hearsay, const struct tq_rumour *rumour);

/* The worker ends: no longer listens. What was heard is still told. */
void tq_hearsay_end(struct tq_hearsay *hearsay);
bool tq_hearsay_is_idle(const struct tq_hearsay *hearsay);

#endif
