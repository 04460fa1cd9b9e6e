// SPDX-License-Identifier: MIT
//
// The janitor keeps the database tidy: it makes the day partitions ahead of time, moves what had
// none into its day, removes what is older than it is to be kept, merges counters, and removes the
// rows of workers that are long gone. There is no leader: every worker does it, and what several do
// at once is done once or is harmless.
//
//     IDLE --begin, or the interval--> a chore's step --answer, a pause--> the next one ...
//       ^                                                                           |
//       '------------------- sooner begun when somebody was in the way -------------'
//
// A step touches as many rows as the lease has milliseconds, up to four times as many when it moves
// them into a day of very many, which takes a few hundredths of it, and is followed by a pause nine
// times as long, so that renewals never wait for long. Main thread, control connection.
#ifndef TQ_WORKER_JANITOR_H
#define TQ_WORKER_JANITOR_H

#include <uv.h>

#include "database/connection.h"

struct tq_janitor;

/* How long finished tasks are kept, in milliseconds; TQ_FOREVER_MS: they stay. */
struct tq_retention {
    int64_t completed_ms, failed_ms, cancelled_ms;
};

struct tq_janitor_config {
    uv_loop_t *loop;
    struct tq_connection *connection; /* the control connection */
    struct tq_retention retention;
    int64_t interval_ms;
    int64_t lease_ms;
};

struct tq_janitor *tq_janitor_new(const struct tq_janitor_config *config);
void tq_janitor_close(struct tq_janitor *janitor); /* frees by the loop's next turn */

/* The worker is there: the first round begins. Later calls change nothing. */
void tq_janitor_begin(struct tq_janitor *janitor);

#endif
