// SPDX-License-Identifier: MIT
//
// Ending a statement that nobody waits for: the server notices a closed socket only when it has
// something to say.
#ifndef TQ_DATABASE_CANCEL_H
#define TQ_DATABASE_CANCEL_H

struct pg_conn;

/* Asks the server to cancel what runs on pq, and closes it. pq is the callee's from now on. Blocks,
   for a second at most: for a thread of libuv's pool. */
void tq_cancel_and_close(struct pg_conn *pq);

#endif
