// SPDX-License-Identifier: MIT
//
// A window of five slices of 4 ms.
#include "worker/pace.h"

#include <string.h>

static void advance(struct tq_pace *pace, int64_t now_us)
{
    int64_t slice = now_us / TQ_PACE_SLICE_US;

    if (slice - pace->slice >= TQ_PACE_SLICES) {
        memset(pace->counts, 0, sizeof pace->counts);
        pace->slice = slice;
    }
    while (pace->slice < slice) {
        pace->slice++;
        pace->counts[pace->slice % TQ_PACE_SLICES] = 0;
    }
}

void tq_pace_add(struct tq_pace *pace, int64_t now_us, int count)
{
    advance(pace, now_us);
    pace->counts[pace->slice % TQ_PACE_SLICES] += count;
}

int tq_pace_recent(struct tq_pace *pace, int64_t now_us)
{
    int sum = 0;

    advance(pace, now_us);
    for (int i = 0; i < TQ_PACE_SLICES; i++)
        sum += pace->counts[i];
    return sum;
}
