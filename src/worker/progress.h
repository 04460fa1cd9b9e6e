// SPDX-License-Identifier: MIT
//
// How far running tasks are, for people to see: what handlers tell is written once a second at
// most, in one statement on the control connection. What cannot be written is dropped: the next
// word comes, or the outcome, which has the last one anyway. Main thread only.
#ifndef TQ_WORKER_PROGRESS_H
#define TQ_WORKER_PROGRESS_H

#include <uv.h>

#include "database/repository.h"
#include "loop/inbox.h"

struct tq_progress;

/* From an executor; the receiver frees both. */
struct tq_progress_report {
    struct tq_letter letter; /* first */
    int64_t id;
    int32_t claims;
    char *text; /* JSON */
};

struct tq_progress *tq_progress_new(uv_loop_t *loop, struct tq_connection *connection);
void tq_progress_close(struct tq_progress *progress); /* frees by the loop's next turn */

/* Takes over what the letter is the first member of. */
void tq_progress_take(struct tq_progress *progress, struct tq_letter *letter);

#endif
