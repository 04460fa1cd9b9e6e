// SPDX-License-Identifier: MIT
//
// The claimer looks for tasks and claims them in batches, on the claim connection. It owns the
// lanes, the horizon and the vigil, which say where and when; what the sweep finds, and the
// doorbell for other workers, are its business too.
//
// Main thread only. It acts in tq_claimer_tick(), which the loop calls before it sleeps.
#ifndef TQ_WORKER_CLAIMER_H
#define TQ_WORKER_CLAIMER_H

#include <uv.h>

#include "database/repository.h"

struct tq_claimer;
struct tq_generation;
struct tq_lanes;

struct tq_claimer_config {
    uv_loop_t *loop;
    struct tq_connection *connection; /* the claim connection */
    struct tq_connection *doorbell;   /* another one, for a search that claims must not wait for */
    struct tq_generation *const *generation; /* the current one, when it is looked at */
    int64_t poll_interval_ms;
    void *owner;
    int (*capacity)(void *owner); /* how many tasks there is room for */
    void (*take)(void *owner, const struct tq_claimed *const *rows, size_t count,
                 int64_t worker_id); /* in order, claimed under that id */
    /* When set: called with "is anything left?" after a look that found nothing while is_quiet. */
    bool asks_remaining, counts_future;
    bool (*is_quiet)(void *owner); /* nothing is held */
    void (*on_remaining)(void *owner, bool is_any_left);
};

struct tq_claimer *tq_claimer_new(const struct tq_claimer_config *config);

/* Frees by the loop's next turn; the connection has answered everything. */
void tq_claimer_close(struct tq_claimer *claimer);

/* Claims under this worker id, until paused. */
void tq_claimer_resume(struct tq_claimer *claimer, int64_t worker_id);
void tq_claimer_pause(struct tq_claimer *claimer);

void tq_claimer_tick(struct tq_claimer *claimer);

/* The current generation is another one, and so are the types to claim. */
void tq_claimer_reloaded(struct tq_claimer *claimer);

/* Look now, and be awake. */
void tq_claimer_wake(struct tq_claimer *claimer);

/* Another server, or one that may have lost commits: cursors and ids mean nothing any more. */
void tq_claimer_forget(struct tq_claimer *claimer);

/* Whether other workers are alive: then the doorbell is rung for what this one cannot take. */
void tq_claimer_set_others(struct tq_claimer *claimer, bool has_others);

/* A task went back to the queue and is due after delay_us: look by then. */
void tq_claimer_look_within(struct tq_claimer *claimer, int64_t delay_us);

/* What the sweep found behind the cursors: claimed before anything else, as there is room. It
   replaces what an earlier sweep found. */
void tq_claimer_found(struct tq_claimer *claimer, const struct tq_tid *places, const int64_t *ids,
                      size_t count);

/* A claim's answer was lost with its connection: tasks may run under this worker id that nobody
   runs (0: there is no such claim). Nothing is claimed until tq_claimer_recovered(). */
int64_t tq_claimer_needs_recovery(const struct tq_claimer *claimer);
void tq_claimer_recovered(struct tq_claimer *claimer, int64_t worker_id);

/* Whether it waits for a notification, or the next time to look. */
bool tq_claimer_is_asleep(const struct tq_claimer *claimer);

/* Whether a request is under way. */
bool tq_claimer_is_busy(const struct tq_claimer *claimer);

int64_t tq_claimer_worker_id(const struct tq_claimer *claimer);

/* The database's clock, since the epoch, at this tq_clock_us(): as the last claim told it. */
int64_t tq_claimer_database_us(const struct tq_claimer *claimer, int64_t at_us);

/* How long the last claim took to be answered; 0 before the first. */
int64_t tq_claimer_trip_us(const struct tq_claimer *claimer);

struct tq_lanes *tq_claimer_lanes(struct tq_claimer *claimer);

#endif
