// SPDX-License-Identifier: MIT
//
// Reading clocks.
#include "base/clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec t;

    (void)clock_gettime(id, &t); /* cannot fail for these ids and a valid pointer */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t tq_clock_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t tq_clock_boot_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

int64_t tq_clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

int64_t tq_clock_thread_us(void)
{
    return read_us(CLOCK_THREAD_CPUTIME_ID);
}
