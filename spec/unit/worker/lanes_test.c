// SPDX-License-Identifier: MIT
//
// Lanes: their order, their cursors after a claim, the gaps between them, and resting.
#include "worker/lanes.h"

#include "unit/unit.h"

enum { SECOND_US = 1000000 };

static const char *const types[] = {"a", "b"};

static struct tq_lanes *two_types(void)
{
    return tq_lanes_new(types, 2);
}

/* A claimed row. */
static void claimed(struct tq_lanes *lanes, const char *type, int priority, int64_t at, int64_t id)
{
    const struct tq_claimed row = {
        .type = type, .priority = priority, .scheduled_at = at, .id = id};

    tq_lanes_claimed(lanes, &row);
}

/* A claim without rows, to put every active cursor to clock. */
static void exhaust(struct tq_lanes *lanes, int64_t clock, int64_t now_us)
{
    size_t count;

    (void)tq_lanes_active(lanes, &count);
    tq_lanes_end_claim(lanes, false, clock, now_us);
}

static const struct tq_lane_cursor *cursor(struct tq_lanes *lanes, const char *type, int priority)
{
    size_t count;
    const struct tq_lane_cursor *all = tq_lanes_all(lanes, &count);

    for (size_t i = 0; i < count; i++) {
        if (all[i].type[0] == type[0] && all[i].priority == priority)
            return &all[i];
    }
    CHECK(false && "there is such a lane");
    return NULL;
}

static void check_gap(const struct tq_lane_gap *gap, const char *type, int above, int below)
{
    CHECK_TEXT(gap->type, type);
    CHECK_INT(gap->above, above);
    CHECK_INT(gap->below, below);
}

UNIT_TEST(starts_with_no_lane_and_one_gap_a_type)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_active(lanes, &count);
    CHECK_INT(count, 0);

    const struct tq_lane_gap *gaps = tq_lanes_gaps(lanes, &count);

    CHECK_INT(count, 2);
    check_gap(&gaps[0], "a", -32769, 32768);
    check_gap(&gaps[1], "b", -32769, 32768);
    tq_lanes_free(lanes);
}

UNIT_TEST(knows_types_of_its_own_only)
{
    struct tq_lanes *lanes = two_types();

    CHECK(!tq_lanes_activate(lanes, "c", 0));
    CHECK(tq_lanes_activate(lanes, "b", 0));
    CHECK(!tq_lanes_activate(lanes, "b", 0));
    tq_lanes_free(lanes);
}

UNIT_TEST(leaves_gaps_between_the_known_priorities)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 5);
    (void)tq_lanes_activate(lanes, "a", 6);
    (void)tq_lanes_activate(lanes, "a", -3);

    const struct tq_lane_gap *gaps = tq_lanes_gaps(lanes, &count);

    CHECK_INT(count, 4);
    check_gap(&gaps[0], "a", 6, 32768);
    check_gap(&gaps[1], "a", -3, 5); /* nothing fits between 5 and 6 */
    check_gap(&gaps[2], "a", -32769, -3);
    check_gap(&gaps[3], "b", -32769, 32768);
    tq_lanes_free(lanes);
}

UNIT_TEST(has_no_gap_beyond_the_extreme_priorities)
{
    struct tq_lanes *lanes = tq_lanes_new(types, 1);
    size_t count;

    (void)tq_lanes_activate(lanes, "a", INT16_MAX);
    (void)tq_lanes_activate(lanes, "a", INT16_MIN);

    const struct tq_lane_gap *gaps = tq_lanes_gaps(lanes, &count);

    CHECK_INT(count, 1);
    check_gap(&gaps[0], "a", -32768, 32767);
    tq_lanes_free(lanes);
}

UNIT_TEST(finds_the_extreme_priorities_next_to_the_known_ones)
{
    struct tq_lanes *lanes = tq_lanes_new(types, 1);
    size_t count;

    (void)tq_lanes_activate(lanes, "a", INT16_MAX - 1);
    (void)tq_lanes_activate(lanes, "a", INT16_MIN + 1);

    const struct tq_lane_gap *gaps = tq_lanes_gaps(lanes, &count);

    CHECK_INT(count, 3);
    check_gap(&gaps[0], "a", 32766, 32768);
    check_gap(&gaps[1], "a", -32767, 32766);
    check_gap(&gaps[2], "a", -32769, -32767);
    tq_lanes_free(lanes);
}

UNIT_TEST(claims_highest_priority_first_then_the_furthest_behind)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 0);
    (void)tq_lanes_activate(lanes, "b", 0);
    (void)tq_lanes_activate(lanes, "b", 9);
    exhaust(lanes, 1000, 1);
    tq_lanes_lower_one(lanes, "b", 0, 500);

    const struct tq_lane_cursor *active = tq_lanes_active(lanes, &count);

    CHECK_INT(count, 3);
    CHECK_INT(active[0].priority, 9);
    CHECK_TEXT(active[1].type, "b");
    CHECK_TEXT(active[2].type, "a");
    tq_lanes_free(lanes);
}

/* Five rows were asked for: 9 gave two, 5 gave three, and 0 was not reached. */
UNIT_TEST(moves_cursors_as_far_as_a_full_claim_went)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 9);
    (void)tq_lanes_activate(lanes, "a", 5);
    (void)tq_lanes_activate(lanes, "a", 0);
    exhaust(lanes, 100, 1);
    (void)tq_lanes_active(lanes, &count);
    claimed(lanes, "a", 9, 110, 1);
    claimed(lanes, "a", 9, 120, 2);
    claimed(lanes, "a", 5, 130, 4);
    claimed(lanes, "a", 5, 130, 5);
    claimed(lanes, "a", 5, 105, 3); /* rows come in no order */
    tq_lanes_end_claim(lanes, true, 1000, 2);

    CHECK_INT(cursor(lanes, "a", 9)->at, 1000); /* exhausted: the claim's clock */
    CHECK_INT(cursor(lanes, "a", 9)->id, 0);
    CHECK_INT(cursor(lanes, "a", 5)->at, 130); /* filled the claim: its last row */
    CHECK_INT(cursor(lanes, "a", 5)->id, 5);
    CHECK_INT(cursor(lanes, "a", 0)->at, 100); /* not reached: as before */
    tq_lanes_free(lanes);
}

UNIT_TEST(moves_all_cursors_to_the_clock_when_the_claim_was_not_filled)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 9);
    (void)tq_lanes_activate(lanes, "b", 0);
    (void)tq_lanes_active(lanes, &count);
    claimed(lanes, "b", 0, 130, 4);
    tq_lanes_end_claim(lanes, false, 1000, 2);

    CHECK_INT(cursor(lanes, "a", 9)->at, 1000);
    CHECK_INT(cursor(lanes, "b", 0)->at, 1000);
    tq_lanes_free(lanes);
}

/* A look-back may take several claims: the cursor goes back to the last row returned. */
UNIT_TEST(goes_back_to_the_last_row_of_a_look_back)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 0);
    exhaust(lanes, 1000, 1);
    tq_lanes_lower(lanes, 200);
    (void)tq_lanes_active(lanes, &count);
    claimed(lanes, "a", 0, 250, 7);
    tq_lanes_end_claim(lanes, true, 2000, 2);

    CHECK_INT(cursor(lanes, "a", 0)->at, 250);
    CHECK_INT(cursor(lanes, "a", 0)->id, 7);
    tq_lanes_free(lanes);
}

UNIT_TEST(lowers_but_never_raises)
{
    struct tq_lanes *lanes = two_types();

    (void)tq_lanes_activate(lanes, "a", 0);
    exhaust(lanes, 1000, 1);
    tq_lanes_lower(lanes, 5000);
    CHECK_INT(cursor(lanes, "a", 0)->at, 1000);

    tq_lanes_lower(lanes, 400);
    CHECK_INT(cursor(lanes, "a", 0)->at, 400);
    tq_lanes_forget(lanes);
    CHECK_INT(cursor(lanes, "a", 0)->at, TQ_PG_TIME_MIN);
    tq_lanes_free(lanes);
}

/* The claim under way looked after the old cursor: its end must not undo the lowering. */
UNIT_TEST(remembers_a_lowering_during_a_claim)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 0);
    (void)tq_lanes_activate(lanes, "b", 0);
    exhaust(lanes, 100, 1);
    (void)tq_lanes_active(lanes, &count);
    tq_lanes_lower_one(lanes, "a", 0, 60);
    tq_lanes_lower_one(lanes, "a", 0, 50);
    tq_lanes_lower_one(lanes, "a", 0, 70);
    tq_lanes_end_claim(lanes, false, 1000, 2);

    CHECK_INT(cursor(lanes, "a", 0)->at, 50);
    CHECK_INT(cursor(lanes, "b", 0)->at, 1000);
    exhaust(lanes, 2000, 3);
    CHECK_INT(cursor(lanes, "a", 0)->at, 2000); /* once was enough */
    tq_lanes_free(lanes);
}

UNIT_TEST(takes_a_lane_that_was_found_during_a_claim)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 0);
    (void)tq_lanes_active(lanes, &count);
    (void)tq_lanes_activate(lanes, "a", 9);
    claimed(lanes, "a", 0, 110, 1);
    tq_lanes_end_claim(lanes, false, 1000, 2);

    CHECK_INT(cursor(lanes, "a", 0)->at, 1000);
    CHECK_INT(cursor(lanes, "a", 9)->at, TQ_PG_TIME_MIN); /* was not part of it */
    tq_lanes_free(lanes);
}

UNIT_TEST(rests_after_a_minute_without_a_row)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 0);
    exhaust(lanes, 100, SECOND_US);
    exhaust(lanes, 200, 61 * SECOND_US);
    (void)tq_lanes_active(lanes, &count);
    CHECK_INT(count, 1);
    exhaust(lanes, 300, 61 * SECOND_US + 1);

    (void)tq_lanes_active(lanes, &count);
    CHECK_INT(count, 0);

    const struct tq_lane_cursor *resting = tq_lanes_resting(lanes, &count);

    CHECK_INT(count, 1);
    CHECK_INT(resting[0].at, 300); /* its cursor is remembered */
    tq_lanes_free(lanes);
}

UNIT_TEST(rests_after_a_second_in_a_crowd)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    for (int16_t priority = 0; priority < 300; priority++)
        (void)tq_lanes_activate(lanes, "a", priority);
    exhaust(lanes, 100, SECOND_US);
    exhaust(lanes, 200, 2 * SECOND_US + 1);

    (void)tq_lanes_active(lanes, &count);
    CHECK_INT(count, 0);
    tq_lanes_free(lanes);
}

UNIT_TEST(is_woken_from_rest_with_its_cursor)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 0);
    exhaust(lanes, 100, 1);
    exhaust(lanes, 200, 62 * SECOND_US);
    CHECK(tq_lanes_activate(lanes, "a", 0));

    const struct tq_lane_cursor *active = tq_lanes_active(lanes, &count);

    CHECK_INT(count, 1);
    CHECK_INT(active[0].at, 200);
    tq_lanes_free(lanes);
}

UNIT_TEST(is_woken_from_rest_by_a_task_that_goes_back)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 0);
    exhaust(lanes, 100, 1);
    exhaust(lanes, 200, 62 * SECOND_US);
    tq_lanes_lower_one(lanes, "a", 0, 50);

    const struct tq_lane_cursor *active = tq_lanes_active(lanes, &count);

    CHECK_INT(count, 1);
    CHECK_INT(active[0].at, 50);
    tq_lanes_free(lanes);
}

UNIT_TEST(lowers_resting_lanes_too)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 0);
    exhaust(lanes, 100, 1);
    exhaust(lanes, 200, 62 * SECOND_US);
    tq_lanes_lower(lanes, 150);

    const struct tq_lane_cursor *resting = tq_lanes_resting(lanes, &count);

    CHECK_INT(count, 1);
    CHECK_INT(resting[0].at, 150);
    tq_lanes_free(lanes);
}

/* The rows that it took were all updated after its snapshot. */
UNIT_TEST(keeps_cursors_when_a_full_claim_got_nothing)
{
    struct tq_lanes *lanes = two_types();
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 0);
    exhaust(lanes, 100, 1);
    (void)tq_lanes_active(lanes, &count);
    tq_lanes_end_claim(lanes, true, 1000, 2);

    CHECK_INT(cursor(lanes, "a", 0)->at, 100);
    tq_lanes_free(lanes);
}
