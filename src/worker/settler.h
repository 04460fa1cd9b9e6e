// SPDX-License-Identifier: MIT
//
// The settler writes how tasks ended, in batches: one flush is in flight, and whatever ends
// meanwhile is the next one. A flush is up to four statements, one a verdict, pipelined on the
// completion connection.
//
//     queued --flush--> in flight --written--> on_settled(true)
//       |----not where it was--> located --> queued again, or on_settled(false); for one whose
//       |        answer was lost it is asked whether it was written
//       |----locked by somebody--> set aside, asked about apart every 50 ms
//       |----data refused--> batches are halved until one item is left: the culprit is settled as
//       |        failed with the server's message
//       '----connection lost, or the server failed--> queued again
//
// Nothing is ever dropped but what the database says is no longer ours. Main thread only.
#ifndef TQ_WORKER_SETTLER_H
#define TQ_WORKER_SETTLER_H

#include <uv.h>

#include "worker/task.h"

struct tq_settler;

/* connection is the completion connection; the caller keeps it and tells when it is ready again. */
struct tq_settler *tq_settler_new(uv_loop_t *loop, struct tq_connection *connection);

/* Gives up what is left, and closes its timer; the settler is freed by the loop's next turn.
   Nothing is in flight any more. */
void tq_settler_close(struct tq_settler *settler);

/* Queues; the flush begins with the next tq_settler_flush(). */
void tq_settler_add(struct tq_settler *settler, struct tq_settlement *settlement);

/* Begins a flush unless one is in flight or the connection is down. Also to be called on_ready. */
void tq_settler_flush(struct tq_settler *settler);

/* Everything queued, in flight or set aside. */
size_t tq_settler_pending(const struct tq_settler *settler);

/* Of the pending ones, those that are getting on: what is being written, and as many behind it as
   the next flush will take if it is like this one. None while the database takes nothing. */
size_t tq_settler_flowing(const struct tq_settler *settler);

/* Gives up everything that `is_lost` says is lost: on_settled(false). What is in flight comes back
   by itself. */
void tq_settler_drop(struct tq_settler *settler,
                     bool (*is_lost)(const struct tq_settlement *settlement, void *arg), void *arg);

#endif
