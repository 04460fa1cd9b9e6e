// SPDX-License-Identifier: MIT
//
// The worker's lease: a row in taskq.workers, renewed on the control connection every sixth of its
// length. As long as it holds, what runs under its id is ours.
//
//     NONE --register--> HELD --renewed--> HELD
//                         |----ran out by our own clock, or the row is gone--> on_lost, NONE
//                         '----another server answers--> on_server_changed, and a new row is taken
//                         '----tq_lease_take_new()--> likewise, without on_server_changed
//
// A row that was replaced is renewed beside the new one until its tasks are settled.
//
// Our clock is CLOCK_BOOTTIME, counted from before the last successful renewal was sent, so it runs
// out no later than the database's. Main thread only.
#ifndef TQ_WORKER_LEASE_H
#define TQ_WORKER_LEASE_H

#include <uv.h>

#include "database/repository.h"

struct tq_generation;
struct tq_lease;
struct tq_publisher;
struct tq_reaper;

struct tq_lease_config {
    uv_loop_t *loop;
    struct tq_connection *connection;    /* the control connection */
    struct tq_registration registration; /* id and types are filled here; the rest outlives us */
    struct tq_generation *const *generation; /* the current one, for its types */
    void *owner;
    void (*on_held)(void *owner, int64_t worker_id); /* a new id */
    void (*on_lost)(void *owner);
    void (*on_server_changed)(void *owner);
    void (*on_others)(void *owner, bool has_others); /* other workers are alive, at each renewal */
    struct tq_reaper *reaper;       /* told when it is time to look for stale tasks */
    struct tq_publisher *publisher; /* told for how long somebody follows the events */
};

struct tq_lease *tq_lease_new(const struct tq_lease_config *config);
void tq_lease_close(struct tq_lease *lease); /* frees by the loop's next turn */

void tq_lease_connected(struct tq_lease *lease); /* the control connection is ready */

/* Notices when the lease has run out. To be called before anything is written. */
bool tq_lease_is_held(struct tq_lease *lease);

/* The current row's. */
int64_t tq_lease_id(const struct tq_lease *lease);

/* The ids before the current one, renewed with it until they are forgotten. Valid until the next
   call of a function of the lease. */
const int64_t *tq_lease_previous(const struct tq_lease *lease, size_t *count);
void tq_lease_forget(struct tq_lease *lease, int64_t id);

/* Takes a new row soon: a claim under the current one may yet be committed, unknown to us. */
void tq_lease_take_new(struct tq_lease *lease);

/* Gives the row up: nothing runs under it any more. on_done is called once. */
void tq_lease_sign_off(struct tq_lease *lease, void (*on_done)(void *owner));

#endif
