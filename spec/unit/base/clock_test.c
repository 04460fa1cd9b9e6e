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

    CHECK(now_us / 1000000 - before <= 1);
    CHECK(now_us / 1000000 - before >= -1);
}

UNIT_TEST(the_boot_clock_includes_the_time_asleep)
{
    int64_t awake_us = tq_clock_us();

    CHECK(tq_clock_boot_us() >= awake_us);
}
