// SPDX-License-Identifier: MIT
//
// How far to claim ahead.
#include "worker/pace.h"

#include "unit/unit.h"

enum { NOW = 1000000000 };

UNIT_TEST(counts_nothing_at_first)
{
    struct tq_pace pace = {0};

    CHECK_INT(tq_pace_ahead(&pace, NOW), 0);
}

UNIT_TEST(adds_up_what_is_recent)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 3);
    tq_pace_add(&pace, NOW, 4);
    tq_pace_add(&pace, NOW + 8000, 5);

    CHECK_INT(tq_pace_ahead(&pace, NOW + 15000), 12);
}

UNIT_TEST(forgets_slice_by_slice)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 3);
    tq_pace_add(&pace, NOW + 8000, 5);

    CHECK_INT(tq_pace_ahead(&pace, NOW + 20000), 5);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 27999), 5);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 28000), 0);
}

UNIT_TEST(forgets_all_after_a_pause)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 3);
    tq_pace_add(&pace, NOW + 3600 * INT64_C(1000000), 1);

    CHECK_INT(tq_pace_ahead(&pace, NOW + 3600 * INT64_C(1000000)), 1);
}

UNIT_TEST(goes_less_far_when_it_was_too_far)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 1000);
    CHECK_INT(tq_pace_ahead(&pace, NOW), 1000);
    tq_pace_ease(&pace, NOW);
    tq_pace_ease(&pace, NOW); /* the same moment */
    CHECK_INT(tq_pace_ahead(&pace, NOW), 16);
    tq_pace_add(&pace, NOW + 1000, 16);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 1000), 18);
    tq_pace_ease(&pace, NOW + 100000);
    tq_pace_add(&pace, NOW + 100000, 16);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 100000), 11);
    for (int i = 1; i < 10; i++)
        tq_pace_ease(&pace, NOW + i * 100000);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 100000), 4);
}

UNIT_TEST(goes_as_far_as_ever_when_all_is_well_again)
{
    struct tq_pace pace = {0};

    tq_pace_ease(&pace, NOW);
    tq_pace_add(&pace, NOW, 8 * 4096);
    CHECK_INT(tq_pace_ahead(&pace, NOW), 8 * 4096);
}
