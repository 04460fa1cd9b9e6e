// SPDX-License-Identifier: MIT
//
// The janitor: makes the day partitions ahead of time and removes the rows of workers that are long
// gone. Twice is harmless, so every worker does it. Main thread, control connection.
#ifndef TQ_WORKER_JANITOR_H
#define TQ_WORKER_JANITOR_H

#include <uv.h>

#include "database/repository.h"

struct tq_janitor;

struct tq_janitor *tq_janitor_new(uv_loop_t *loop, struct tq_connection *connection);
void tq_janitor_close(struct tq_janitor *janitor); /* frees by the loop's next turn */

#endif
