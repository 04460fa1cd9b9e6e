// SPDX-License-Identifier: MIT
//
// The vigil: when to look for tasks. Pure: it is told what happened and says what is due.
//
//     AWAKE    looks every 1-2 ms and has promised so (taskq.awake_until): producers need not
//              notify
//     LAPSING  found nothing for a while: no longer renews the promise, looks until it has lapsed,
//              then after 2, 10, 50 and 250 ms, and every 250 ms while a transaction is open that
//              was open at the lapse: its producer may have relied on the promise
//     ASLEEP   waits for NOTIFY, the next due time, or the poll interval
//
//     AWAKE --20 ms without a task--> LAPSING --all looks done--> ASLEEP --wake, due, poll--> AWAKE
//
// Who may have relied on the promise is told by a mark (see horizon.h) made after the lapse:
// producers' transactions have smaller ids. When one of them ends, one more look follows, with
// cursors lowered.
#ifndef TQ_WORKER_VIGIL_H
#define TQ_WORKER_VIGIL_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/horizon.h"

enum tq_vigil_state { TQ_VIGIL_AWAKE, TQ_VIGIL_LAPSING, TQ_VIGIL_ASLEEP };

enum { TQ_VIGIL_PROMISE_MS = 100 };

struct tq_vigil { /* read it; times are tq_clock_us() */
    enum tq_vigil_state state;
    int64_t poll_us;    /* [const] the poll interval */
    int64_t look_us;    /* when to look next */
    int64_t found_us;   /* when a task was found last, or somebody woke us */
    int64_t promise_us; /* until when producers rely on us */
    int64_t lapse_xid;  /* of the mark made after the lapse; 0: not made yet */
    int step;           /* of the looks after the lapse */
};

/* Look now, and be awake. */
void tq_vigil_wake(struct tq_vigil *vigil, int64_t now_us);

/* Look by now + delay, at the latest. */
void tq_vigil_look_within(struct tq_vigil *vigil, int64_t now_us, int64_t delay_us);

/* There was no room to look: that is not idleness. */
void tq_vigil_was_full(struct tq_vigil *vigil, int64_t now_us);

/* A look was refused. */
void tq_vigil_was_refused(struct tq_vigil *vigil, int64_t now_us);

/* A look found tasks; is_full: as many as there was room for. */
void tq_vigil_found(struct tq_vigil *vigil, int64_t now_us, bool is_full);

/* A look found nothing. is_promising: a promise is under way. True when the next look is so far
   away that the next due time is to be asked for. */
bool tq_vigil_found_nothing(struct tq_vigil *vigil, int64_t now_us,
                            const struct tq_horizon *horizon, bool is_promising);

/* Whether it is time to promise, and whether a look needs a mark before it. */
bool tq_vigil_needs_promise(const struct tq_vigil *vigil, int64_t now_us);
bool tq_vigil_needs_mark(const struct tq_vigil *vigil, int64_t now_us);

/* The answers: a promise was made, or a mark that was asked for at sent_us has this id. */
void tq_vigil_promised(struct tq_vigil *vigil, int64_t now_us);
void tq_vigil_marked(struct tq_vigil *vigil, int64_t sent_us, int64_t xid);

#endif
