// SPDX-License-Identifier: MIT
//
// The reaper finds tasks that run under nobody: those of workers whose lease has run out (stale),
// and, after a claim's answer was lost, those under our own id that we do not hold. It reads the
// live partition in slices of blocks on the control connection, and hands what it finds to the
// settler.
//
//     stale, attempts left   -> pending, due now, the attempt counts
//     stale, none left       -> failed
//     ours, but not held     -> pending at its old place, the attempt handed back
//
// Main thread only.
#ifndef TQ_WORKER_REAPER_H
#define TQ_WORKER_REAPER_H

#include <uv.h>

#include "worker/settler.h"

struct tq_generation;
struct tq_reaper;

struct tq_reaper_config {
    uv_loop_t *loop;
    struct tq_connection *connection; /* the control connection */
    struct tq_settler *settler;
    struct tq_generation *const *generation; /* the current one, for its types' max_attempts */
    int64_t check_interval_ms;
    void *owner;
    bool (*holds)(void *owner, int64_t id, int32_t claims);
    void (*on_recovered)(void *owner, int64_t worker_id);
    /* An attempt of a worker that is gone was written as failed. */
    void (*on_failed)(void *owner, const struct tq_settlement *settlement);
    void (*on_rescued)(void *owner); /* something went back to the queue */
};

struct tq_reaper *tq_reaper_new(const struct tq_reaper_config *config);
void tq_reaper_close(struct tq_reaper *reaper); /* frees by the loop's next turn */

/* Looks for stale tasks soon; also every check interval by itself. */
void tq_reaper_look(struct tq_reaper *reaper);

/* Gives back what runs under worker_id and is not held; then on_recovered. Called again after a
 * failure. */
void tq_reaper_recover(struct tq_reaper *reaper, int64_t worker_id);

#endif
