// SPDX-License-Identifier: MIT
//
// How many tasks finished within the last 20 ms: the measure for claiming ahead. Main thread only.
#ifndef TQ_WORKER_PACE_H
#define TQ_WORKER_PACE_H

#include <stdint.h>

enum { TQ_PACE_SLICES = 5, TQ_PACE_SLICE_US = 4000 };

struct tq_pace {   /* zero-initialized */
    int64_t slice; /* number of the newest, counted from the clock's origin */
    int counts[TQ_PACE_SLICES];
};

void tq_pace_add(struct tq_pace *pace, int64_t now_us, int count);
int tq_pace_recent(struct tq_pace *pace, int64_t now_us);

#endif
