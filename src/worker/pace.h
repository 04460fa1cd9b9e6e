// SPDX-License-Identifier: MIT
//
// How far to claim ahead: as many tasks as finished within the last 20 ms, or within a claim's way
// to the database and back when that takes longer, for the executors would run dry before the next
// claim's answer. It is at most 100 ms, as what has not started by then goes back to the queue.
// Where short and long tasks mix, that is too far each time that long ones have taken all slots,
// and what was claimed ahead goes back; so each time the limit is halved, and it grows by one with
// eight tasks that finish. Main thread only.
#ifndef TQ_WORKER_PACE_H
#define TQ_WORKER_PACE_H

#include <stdint.h>

enum { TQ_PACE_SLICES = 25, TQ_PACE_SLICE_US = 4000 };

struct tq_pace {   /* zero-initialized */
    int64_t slice; /* number of the newest, counted from the clock's origin */
    int counts[TQ_PACE_SLICES];
    int64_t limit_eighths; /* of how far ahead; 0: there is no limit */
    int64_t halved_us;
};

void tq_pace_add(struct tq_pace *pace, int64_t now_us, int count);

/* Tasks that were claimed ahead could not start in time. Of many at once the first one counts. */
void tq_pace_ease(struct tq_pace *pace, int64_t now_us);

/* trip_us: how long the last claim took to be answered. */
int tq_pace_ahead(struct tq_pace *pace, int64_t now_us, int64_t trip_us);

#endif
