// SPDX-License-Identifier: MIT
//
// Sends events to those who follow the fleet (`taskq events --follow`), while there are any: they
// ask every few seconds by a notification, and what they ask for ends by itself. Lines are sent in
// batches on the control connection, one batch at a time; what does not fit into a few of them is
// dropped and counted. Main thread only.
#ifndef TQ_WORKER_PUBLISHER_H
#define TQ_WORKER_PUBLISHER_H

#include <stdatomic.h>

#include <uv.h>

#include "database/repository.h"
#include "script/event.h"
#include "worker/task.h"

struct tq_publisher;

enum { TQ_FOLLOWED_MS = 15000 }; /* as taskq.follow() has it */

struct tq_publisher_config {
    uv_loop_t *loop;
    struct tq_connection *connection; /* the control connection */
    const char *worker_name;
    atomic_bool *is_followed; /* [atomic] for the executors */
};

struct tq_publisher *tq_publisher_new(const struct tq_publisher_config *config);
void tq_publisher_close(struct tq_publisher *publisher); /* frees by the loop's next turn */

/* Somebody follows, and will for so long (TQ_FOLLOWED_MS when nothing else is known). */
void tq_publisher_follow(struct tq_publisher *publisher, int64_t ms);

bool tq_publisher_is_followed(const struct tq_publisher *publisher);

/* An event of the task, which stays the caller's. Only while somebody follows. */
void tq_publisher_add(struct tq_publisher *publisher, const struct tq_task *task,
                      const struct tq_event *event);

/* Sends what is left, at the end, if there is a connection; nothing is sent any more once this says
   true. */
bool tq_publisher_finish(struct tq_publisher *publisher);

#endif
