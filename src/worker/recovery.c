// SPDX-License-Identifier: MIT
//
// Claims whose answer was lost: rows that run under an id of this worker, and that it does not know
// of. They are given back, their attempt not counted.
//
// The question is when. On a direct connection, the new claim connection holds a lock that the old
// one held: its backend is gone, what it claimed can be seen, and one look finds all of it. Behind
// a pooler nothing tells when the old backend has ended, and its claim may be committed after any
// look. So the worker takes a new id before it claims again, and looks at the rows of the old one
// at once, and once a lease for as long as the old row is renewed because tasks are held under it.
// What comes even later runs under a row that has run out, which is the reapers' business.
//
// So is everything under a lease that ran out: there, such rows cannot be told from tasks whose
// outcomes were dropped, whose attempts count.
#include "base/clock.h"
#include "worker/state.h"

static void forget_unused_ids(struct tq_worker *worker)
{
    size_t count;
    const int64_t *ids = tq_lease_previous(worker->lease, &count);

    for (size_t i = count; i > 0; i--) { /* backwards: forgetting moves those behind */
        if (!tq_dispatcher_holds_any_of(worker->dispatcher, ids[i - 1]))
            tq_lease_forget(worker->lease, ids[i - 1]);
    }
}

static void look_again(struct tq_worker *worker)
{
    int64_t now_us = tq_clock_us();
    size_t count;
    const int64_t *ids = tq_lease_previous(worker->lease, &count);

    if (count == 0 || now_us - worker->looked_again_us < worker->lease_ms * 1000)
        return;
    worker->looked_again_us = now_us;
    tq_reaper_recover(worker->reaper, ids[worker->looks++ % count]);
}

void tq_worker_recover(struct tq_worker *worker)
{
    bool is_pooled = worker->options->is_pooled;
    int64_t lost = tq_claimer_needs_recovery(worker->claimer);

    forget_unused_ids(worker);
    if (!tq_lease_is_held(worker->lease))
        return;
    if (lost != 0 && lost == worker->lost_id)
        tq_claimer_recovered(worker->claimer, lost);
    else if (is_pooled && lost == tq_lease_id(worker->lease) && worker->phase == TQ_WORKER_RUNNING)
        tq_lease_take_new(worker->lease);
    else if (lost != 0 && tq_line_is_ready(&worker->claim))
        tq_reaper_recover(worker->reaper, lost);
    else if (is_pooled)
        look_again(worker);
}
