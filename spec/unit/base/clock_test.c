// SPDX-License-Identifier: MIT
//
// The clocks.
#include "base/clock.h"

#include <time.h>

#include "unit/unit.h"

UNIT_TEST(intervals_never_go_back)
{
    int64_t last_us = tq_clock_us();

    for (int i = 0; i < 100000; i++) {
        int64_t now_us = tq_clock_us();

        CHECK(now_us >= last_us);
        last_us = now_us;
    }
}

UNIT_TEST(the_wall_clock_counts_from_the_epoch)
{
    int64_t before = (int64_t)time(NULL);
    int64_t now_us = tq_clock_wall_us();
    int64_t after = (int64_t)time(NULL); /* whose clock may be a few milliseconds behind */

    CHECK(now_us / 1000000 >= before);
    CHECK(now_us / 1000000 <= after + 1);
}

UNIT_TEST(a_thread_that_sleeps_computes_nothing)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    int64_t computed_us = tq_clock_thread_us();

    (void)nanosleep(&pause, NULL); /* a signal only makes it shorter */
    CHECK(tq_clock_thread_us() >= computed_us);
    CHECK(tq_clock_thread_us() - computed_us < 100 * 1000);
}

UNIT_TEST(the_boot_clock_includes_the_time_asleep)
{
    int64_t awake_us = tq_clock_us();

    CHECK(tq_clock_boot_us() >= awake_us);
}
