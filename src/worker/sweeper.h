// SPDX-License-Identifier: MIT
//
// The sweep looks behind the cursors for due tasks that no cursor will meet again: dated back by
// hand, given back, locked by a claim that then aborted. It is a read-only search on the control
// connection, in slices of time from the newest to the oldest; a slice that takes long makes the
// next one narrower. It takes at most a twentieth of the time, and claiming never waits for it.
// Main thread only.
#ifndef TQ_WORKER_SWEEPER_H
#define TQ_WORKER_SWEEPER_H

#include <uv.h>

#include "worker/claimer.h"

struct tq_sweeper;

struct tq_sweeper_config {
    uv_loop_t *loop;
    struct tq_connection *connection; /* the control connection */
    struct tq_claimer *claimer;
    int64_t interval_ms; /* the least time between two sweeps */
};

struct tq_sweeper *tq_sweeper_new(const struct tq_sweeper_config *config);
void tq_sweeper_close(struct tq_sweeper *sweeper); /* frees by the loop's next turn */

#endif
