// SPDX-License-Identifier: MIT
//
// The watch for strangers: pending tasks whose type no live worker of the fleet has a handler for.
// They wait, and never fail; a line in the log says so when such a type appears, and again each
// hour. Main thread, control connection.
#ifndef TQ_WORKER_STRANGERS_H
#define TQ_WORKER_STRANGERS_H

#include <uv.h>

#include "database/repository.h"

struct tq_strangers;

struct tq_strangers_config {
    uv_loop_t *loop;
    struct tq_connection *connection; /* the control connection */
    int64_t interval_ms;
};

/* Looks each interval, and first when one has passed: a fleet that starts has not registered yet.
 */
struct tq_strangers *tq_strangers_new(const struct tq_strangers_config *config);
void tq_strangers_close(struct tq_strangers *strangers); /* frees by the loop's next turn */

#endif
