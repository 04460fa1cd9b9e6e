// SPDX-License-Identifier: MIT
//
// Retry delays: each formula at its first values, its cap, its jitter, and at numbers that
// overflow.
#include "base/backoff.h"

#include <limits.h>

#include "unit/unit.h"

static int64_t delay(enum tq_backoff_kind kind, int64_t base_ms, int64_t cap_ms, int failures)
{
    const struct tq_backoff policy = {.kind = kind, .base_ms = base_ms, .cap_ms = cap_ms};

    return tq_backoff_delay_ms(&policy, failures, 0.5);
}

UNIT_TEST(the_default_is_n_to_the_fourth_plus_five_seconds)
{
    CHECK_INT(tq_backoff_delay_ms(&tq_backoff_default, 1, 0), 6000);
    CHECK_INT(tq_backoff_delay_ms(&tq_backoff_default, 2, 0), 21000);
    CHECK_INT(tq_backoff_delay_ms(&tq_backoff_default, 3, 0), 86000);
    CHECK_INT(tq_backoff_delay_ms(&tq_backoff_default, 10, 0), 10005000);
}

UNIT_TEST(the_default_is_capped_at_six_hours)
{
    CHECK_INT(tq_backoff_delay_ms(&tq_backoff_default, 12, 0), 20741000);
    CHECK_INT(tq_backoff_delay_ms(&tq_backoff_default, 13, 0), 21600000);
    CHECK_INT(tq_backoff_delay_ms(&tq_backoff_default, INT_MAX, 0), 21600000);
}

UNIT_TEST(fixed_never_grows)
{
    CHECK_INT(delay(TQ_BACKOFF_FIXED, 700, 60000, 1), 700);
    CHECK_INT(delay(TQ_BACKOFF_FIXED, 700, 60000, 1000), 700);
}

UNIT_TEST(linear_grows_by_its_base)
{
    CHECK_INT(delay(TQ_BACKOFF_LINEAR, 700, 60000, 1), 700);
    CHECK_INT(delay(TQ_BACKOFF_LINEAR, 700, 60000, 3), 2100);
    CHECK_INT(delay(TQ_BACKOFF_LINEAR, 700, 60000, 100), 60000);
}

UNIT_TEST(exponential_doubles)
{
    CHECK_INT(delay(TQ_BACKOFF_EXPONENTIAL, 100, 60000, 1), 100);
    CHECK_INT(delay(TQ_BACKOFF_EXPONENTIAL, 100, 60000, 2), 200);
    CHECK_INT(delay(TQ_BACKOFF_EXPONENTIAL, 100, 60000, 5), 1600);
    CHECK_INT(delay(TQ_BACKOFF_EXPONENTIAL, 100, 60000, 11), 60000);
}

UNIT_TEST(jitter_adds_up_to_its_share)
{
    const struct tq_backoff policy = {
        .kind = TQ_BACKOFF_FIXED, .base_ms = 10000, .cap_ms = 60000, .jitter = 0.5};

    CHECK_INT(tq_backoff_delay_ms(&policy, 1, 0), 10000);
    CHECK_INT(tq_backoff_delay_ms(&policy, 1, 0.5), 12500);
    CHECK_INT(tq_backoff_delay_ms(&policy, 1, 0.998), 14990);
}

UNIT_TEST(counts_from_the_first_failure)
{
    CHECK_INT(delay(TQ_BACKOFF_LINEAR, 700, 60000, 0), 700);
    CHECK_INT(delay(TQ_BACKOFF_POLYNOMIAL, 700, 60000, -5), 1700);
}

UNIT_TEST(no_growth_overflows)
{
    static const enum tq_backoff_kind kinds[] = {TQ_BACKOFF_POLYNOMIAL, TQ_BACKOFF_EXPONENTIAL,
                                                 TQ_BACKOFF_LINEAR, TQ_BACKOFF_FIXED};

    for (int i = 0; i < 4; i++) {
        const struct tq_backoff policy = {
            .kind = kinds[i], .base_ms = INT64_MAX, .cap_ms = INT64_MAX, .jitter = 1};

        CHECK_INT(tq_backoff_delay_ms(&policy, INT_MAX, 0.999), INT64_MAX);
        CHECK_INT(delay(kinds[i], 1, INT64_MAX, INT_MAX) > 0, true);
    }
}

UNIT_TEST(kinds_are_known_by_name)
{
    enum tq_backoff_kind kind = TQ_BACKOFF_FIXED;

    CHECK(tq_backoff_kind_parse("polynomial", &kind));
    CHECK_INT(kind, TQ_BACKOFF_POLYNOMIAL);
    CHECK(tq_backoff_kind_parse("exponential", &kind));
    CHECK_INT(kind, TQ_BACKOFF_EXPONENTIAL);
    CHECK(tq_backoff_kind_parse("linear", &kind));
    CHECK_INT(kind, TQ_BACKOFF_LINEAR);
    CHECK(tq_backoff_kind_parse("fixed", &kind));
    CHECK_INT(kind, TQ_BACKOFF_FIXED);
    CHECK(!tq_backoff_kind_parse("Fixed", &kind));
    CHECK(!tq_backoff_kind_parse("", &kind));
}
