// SPDX-License-Identifier: MIT
//
// How far to claim ahead.
#include "worker/pace.h"

#include "unit/unit.h"

enum { NOW = 1000000000 };

UNIT_TEST(counts_nothing_at_first)
{
    struct tq_pace pace = {0};

    CHECK_INT(tq_pace_ahead(&pace, NOW, 0), 0);
}

UNIT_TEST(adds_up_what_is_recent)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 3);
    tq_pace_add(&pace, NOW, 4);
    tq_pace_add(&pace, NOW + 8000, 5);

    CHECK_INT(tq_pace_ahead(&pace, NOW + 15000, 0), 12);
}

UNIT_TEST(forgets_slice_by_slice)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 3);
    tq_pace_add(&pace, NOW + 8000, 5);

    CHECK_INT(tq_pace_ahead(&pace, NOW + 20000, 0), 5);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 27999, 0), 5);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 28000, 0), 0);
}

UNIT_TEST(looks_back_as_far_as_a_claim_takes)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 3);
    tq_pace_add(&pace, NOW + 40000, 5);

    CHECK_INT(tq_pace_ahead(&pace, NOW + 60000, 20000), 0);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 60000, 24000), 5);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 60000, 63000), 8);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 90000, 1000000), 8);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 100000, 1000000), 5);
}

UNIT_TEST(forgets_all_after_a_pause)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 3);
    tq_pace_add(&pace, NOW + 3600 * INT64_C(1000000), 1);

    CHECK_INT(tq_pace_ahead(&pace, NOW + 3600 * INT64_C(1000000), 0), 1);
}

UNIT_TEST(goes_less_far_when_it_was_too_far)
{
    struct tq_pace pace = {0};

    tq_pace_add(&pace, NOW, 1000);
    CHECK_INT(tq_pace_ahead(&pace, NOW, 0), 1000);
    tq_pace_ease(&pace, NOW);
    tq_pace_ease(&pace, NOW); /* the same moment */
    CHECK_INT(tq_pace_ahead(&pace, NOW, 0), 16);
    tq_pace_add(&pace, NOW + 1000, 16);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 1000, 0), 18);
    tq_pace_ease(&pace, NOW + 100000);
    tq_pace_add(&pace, NOW + 100000, 16);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 100000, 0), 11);
    for (int i = 1; i < 10; i++)
        tq_pace_ease(&pace, NOW + i * 100000);
    CHECK_INT(tq_pace_ahead(&pace, NOW + 100000, 0), 4);
}

UNIT_TEST(goes_as_far_as_ever_when_all_is_well_again)
{
    struct tq_pace pace = {0};

    tq_pace_ease(&pace, NOW);
    tq_pace_add(&pace, NOW, 8 * 4096);
    CHECK_INT(tq_pace_ahead(&pace, NOW, 0), 8 * 4096);
}
