// SPDX-License-Identifier: MIT
//
// LISTEN can die in silence: a pooler gives the session another backend, a proxy drops what nobody
// asked for. So a worker that sleeps, and relies on notifications, calls out to itself now and
// then: from the control connection to the claim connection. When no echo comes, the claim
// connection is made anew, which is logged as any outage is.
//
//     QUIET --a lease has passed, and the worker sleeps--> CALLED --echo--> QUIET
//       ^                                                    |
//       '-------reset--------none for half a lease-----------'
//
// After each reset in a row the next call waits twice as long, up to an hour: where notifications
// never arrive, the poll interval has to do. A worker that is busy never calls, because NOTIFY
// takes a lock that serialises commits. Main thread.
#ifndef TQ_WORKER_ECHO_H
#define TQ_WORKER_ECHO_H

#include <uv.h>

#include "database/repository.h"

struct tq_claimer;
struct tq_echo;

struct tq_echo_config {
    uv_loop_t *loop;
    struct tq_connection *listener; /* the claim connection; NULL: nothing is relied on */
    struct tq_connection *caller;   /* the control connection */
    struct tq_claimer *claimer;     /* relies on notifications while it sleeps */
    int64_t lease_ms;
};

struct tq_echo *tq_echo_new(const struct tq_echo_config *config);
void tq_echo_close(struct tq_echo *echo); /* frees by the loop's next turn */

/* The listener was connected anew: an echo of before will not come. */
void tq_echo_forget(struct tq_echo *echo);

/* A notification arrived. False when it is none of an echo, of whatever worker. */
bool tq_echo_hear(struct tq_echo *echo, const char *payload);

#endif
