// SPDX-License-Identifier: MIT
//
// A ring of slices of 4 ms.
#include "worker/pace.h"

#include <string.h>

enum {
    LEAST_EIGHTHS = 4 * 8, /* or free slots would wait for each claim */
    FIRST_EIGHTHS = 16 * 8,
    MOST_EIGHTHS = 8 * 4096, /* beyond it nothing needs a limit */
    HALVE_EVERY_US = 100 * 1000,
    LEAST_WINDOW_US = 20 * 1000,
};

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

static int recent(struct tq_pace *pace, int64_t now_us, int64_t window_us)
{
    int64_t slices = (window_us + TQ_PACE_SLICE_US - 1) / TQ_PACE_SLICE_US;
    int sum = 0;

    advance(pace, now_us);
    for (int64_t i = 0; i < slices && i < TQ_PACE_SLICES; i++)
        sum += pace->counts[(pace->slice - i) % TQ_PACE_SLICES];
    return sum;
}

void tq_pace_add(struct tq_pace *pace, int64_t now_us, int count)
{
    advance(pace, now_us);
    pace->counts[pace->slice % TQ_PACE_SLICES] += count;
    if (pace->limit_eighths > 0)
        pace->limit_eighths += count;
    if (pace->limit_eighths > MOST_EIGHTHS)
        pace->limit_eighths = 0;
}

void tq_pace_ease(struct tq_pace *pace, int64_t now_us)
{
    if (pace->halved_us != 0 && now_us - pace->halved_us < HALVE_EVERY_US)
        return;
    pace->halved_us = now_us;
    pace->limit_eighths = pace->limit_eighths > 0 ? pace->limit_eighths / 2 : FIRST_EIGHTHS;
    if (pace->limit_eighths < LEAST_EIGHTHS)
        pace->limit_eighths = LEAST_EIGHTHS;
}

int tq_pace_ahead(struct tq_pace *pace, int64_t now_us, int64_t trip_us)
{
    int finished = recent(pace, now_us, trip_us > LEAST_WINDOW_US ? trip_us : LEAST_WINDOW_US);
    int limit = (int)(pace->limit_eighths / 8);

    return pace->limit_eighths > 0 && finished > limit ? limit : finished;
}
