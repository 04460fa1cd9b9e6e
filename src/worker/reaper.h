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

struct tq_claimer;
struct tq_dispatcher;
struct tq_generation;
struct tq_hearsay;
struct tq_reaper;

struct tq_reaper_config {
    uv_loop_t *loop;
    struct tq_connection *connection; /* the control connection */
    struct tq_settler *settler;
    struct tq_generation *const *generation; /* the current one, for its types' max_attempts */
    int64_t check_interval_ms;
    struct tq_dispatcher *dispatcher; /* knows what we hold */
    struct tq_claimer *claimer;       /* told when something was recovered or went back */
    struct tq_hearsay *hearsay;       /* told of attempts that failed with their worker */
};

struct tq_reaper *tq_reaper_new(const struct tq_reaper_config *config);
void tq_reaper_close(struct tq_reaper *reaper); /* frees by the loop's next turn */

/* Looks for stale tasks soon; also every check interval by itself. */
void tq_reaper_look(struct tq_reaper *reaper);

/* Gives back what runs under worker_id and is not held; then the claimer is told. Called again
   after a failure. */
void tq_reaper_recover(struct tq_reaper *reaper, int64_t worker_id);

#endif
