// SPDX-License-Identifier: MIT
//
// What a cursor may have passed, from marks and snapshots.
#include "worker/horizon.h"

#include "database/params.h"
#include "unit/unit.h"

enum { MORE_THAN_THE_RING = 100000 };

/* The horizon after a snapshot. */
static int64_t time_after(struct tq_horizon *horizon, const char *snapshot)
{
    tq_horizon_observe(horizon, snapshot);
    return tq_horizon_time(horizon);
}

UNIT_TEST(knows_nothing_before_the_first_snapshot)
{
    struct tq_horizon *horizon = tq_horizon_new();

    tq_horizon_mark(horizon, 10, 1000);

    CHECK_INT(tq_horizon_time(horizon), TQ_PG_TIME_MIN);
    tq_horizon_free(horizon);
}

UNIT_TEST(is_the_clock_of_our_newest_transaction_below_xmax)
{
    struct tq_horizon *horizon = tq_horizon_new();

    tq_horizon_mark(horizon, 10, 1000);
    tq_horizon_mark(horizon, 20, 2000);

    CHECK_INT(time_after(horizon, "15:15:"), 1000);
    CHECK_INT(time_after(horizon, "20:20:"), 1000);
    CHECK_INT(time_after(horizon, "21:21:"), 2000);
    tq_horizon_free(horizon);
}

UNIT_TEST(has_no_bound_for_ids_below_our_first)
{
    struct tq_horizon *horizon = tq_horizon_new();

    tq_horizon_mark(horizon, 10, 1000);

    CHECK_INT(time_after(horizon, "10:10:"), TQ_PG_TIME_MIN);
    tq_horizon_free(horizon);
}

/* Ids at or above xmax may have been assigned long ago, while nothing completed. */
UNIT_TEST(does_not_trust_marks_above_xmax)
{
    struct tq_horizon *horizon = tq_horizon_new();

    tq_horizon_mark(horizon, 10, 1000);
    tq_horizon_mark(horizon, 30, 3000);
    tq_horizon_mark(horizon, 31, 3100);

    CHECK_INT(time_after(horizon, "12:20:12,13"), 1000);
    tq_horizon_free(horizon);
}

UNIT_TEST(reaches_back_once_to_a_transaction_that_has_ended)
{
    struct tq_horizon *horizon = tq_horizon_new();

    tq_horizon_mark(horizon, 10, 1000);
    tq_horizon_mark(horizon, 20, 2000);
    CHECK_INT(time_after(horizon, "12:25:12,22"), 2000);
    tq_horizon_mark(horizon, 30, 3000);

    CHECK_INT(time_after(horizon, "22:35:22"), 1000); /* 12 has ended */
    CHECK_INT(time_after(horizon, "22:35:22"), 3000);
    CHECK_INT(time_after(horizon, "35:35:"), 2000); /* 22 has */
    CHECK_INT(time_after(horizon, "35:35:"), 3000);
    tq_horizon_free(horizon);
}

UNIT_TEST(takes_the_oldest_of_several_that_ended_together)
{
    struct tq_horizon *horizon = tq_horizon_new();

    tq_horizon_mark(horizon, 10, 1000);
    tq_horizon_mark(horizon, 20, 2000);
    tq_horizon_mark(horizon, 30, 3000);
    CHECK_INT(time_after(horizon, "12:35:12,22,32,33"), 3000);

    CHECK_INT(time_after(horizon, "33:40:33"), 1000);
    CHECK_INT(time_after(horizon, "41:41:"), 3000);
    tq_horizon_free(horizon);
}

UNIT_TEST(keeps_the_bound_of_a_writer_held_for_long)
{
    struct tq_horizon *horizon = tq_horizon_new();

    tq_horizon_mark(horizon, 1, 100);
    CHECK_INT(time_after(horizon, "2:4:2"), 100);
    for (int64_t i = 10; i < MORE_THAN_THE_RING; i++)
        tq_horizon_mark(horizon, i, i * 100);
    CHECK_INT(time_after(horizon, "2:50000000:2"), (MORE_THAN_THE_RING - 1) * INT64_C(100));

    CHECK_INT(time_after(horizon, "50000000:50000000:"), 100);
    tq_horizon_free(horizon);
}

UNIT_TEST(has_no_bound_for_what_the_ring_has_forgotten)
{
    struct tq_horizon *horizon = tq_horizon_new();

    for (int64_t i = 1; i <= MORE_THAN_THE_RING; i++)
        tq_horizon_mark(horizon, i * 2, i);

    CHECK_INT(time_after(horizon, "4:4:"), TQ_PG_TIME_MIN);
    CHECK_INT(time_after(horizon, "199999:199999:"), 99999);
    CHECK_INT(time_after(horizon, "200001:200001:"), 100000);
    tq_horizon_free(horizon);
}

UNIT_TEST(sees_whether_an_older_transaction_is_open)
{
    struct tq_horizon *horizon = tq_horizon_new();

    tq_horizon_observe(horizon, "12:25:12,22");

    CHECK(tq_horizon_has_open_before(horizon, 13));
    CHECK(!tq_horizon_has_open_before(horizon, 12));
    tq_horizon_observe(horizon, "22:25:22");
    CHECK(!tq_horizon_has_open_before(horizon, 13));
    tq_horizon_free(horizon);
}

UNIT_TEST(forgets_everything)
{
    struct tq_horizon *horizon = tq_horizon_new();

    tq_horizon_mark(horizon, 10, 1000);
    tq_horizon_observe(horizon, "12:25:12,22");
    tq_horizon_forget(horizon);

    CHECK_INT(tq_horizon_time(horizon), TQ_PG_TIME_MIN);
    CHECK(!tq_horizon_has_open_before(horizon, 100));
    tq_horizon_mark(horizon, 3, 50); /* another server: ids begin anew */
    CHECK_INT(time_after(horizon, "5:5:"), 50);
    tq_horizon_free(horizon);
}

UNIT_TEST(tells_that_a_transaction_has_ended)
{
    struct tq_horizon *horizon = tq_horizon_new();

    tq_horizon_mark(horizon, 10, 1000);
    tq_horizon_observe(horizon, "11:30:11,15,25");
    CHECK(!tq_horizon_has_ended_before(horizon, 100));

    tq_horizon_observe(horizon, "11:30:11,25");
    CHECK(tq_horizon_has_ended_before(horizon, 16));
    CHECK(!tq_horizon_has_ended_before(horizon, 15)); /* ids below it only */

    tq_horizon_observe(horizon, "11:30:11,25");
    CHECK(!tq_horizon_has_ended_before(horizon, 100));
    tq_horizon_free(horizon);
}
