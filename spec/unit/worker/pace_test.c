// SPDX-License-Identifier: MIT
//
// Counting what finished within the last 20 ms.
#include "worker/pace.h"

#include "unit/unit.h"

enum { NOW = 1000000000 };

UNIT_TEST(counts_nothing_at_first)
{
    struct tq_pace pace = {0};

    CHECK_INT(tq_pace_recent(&pace, NOW), 0);
}

UNIT_TEST(adds_up_what_is_recent)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 3);
    tq_pace_add(&pace, NOW, 4);
    tq_pace_add(&pace, NOW + 8000, 5);

    CHECK_INT(tq_pace_recent(&pace, NOW + 15000), 12);
}

UNIT_TEST(forgets_slice_by_slice)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 3);
    tq_pace_add(&pace, NOW + 8000, 5);

    CHECK_INT(tq_pace_recent(&pace, NOW + 20000), 5);
    CHECK_INT(tq_pace_recent(&pace, NOW + 27999), 5);
    CHECK_INT(tq_pace_recent(&pace, NOW + 28000), 0);
}

UNIT_TEST(forgets_all_after_a_pause)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 3);
    tq_pace_add(&pace, NOW + 3600 * INT64_C(1000000), 1);

    CHECK_INT(tq_pace_recent(&pace, NOW + 3600 * INT64_C(1000000)), 1);
}
