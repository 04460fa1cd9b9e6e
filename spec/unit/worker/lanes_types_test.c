// SPDX-License-Identifier: MIT
//
// Lanes whose types change, as they do at a reload.
#include "worker/lanes.h"

#include "unit/unit.h"

static const char *const before[] = {"a", "b"};
static const char *const after[] = {"b", "c"};

/* Active lanes of a and b, with cursors at 100. */
static struct tq_lanes *two_lanes(void)
{
    struct tq_lanes *lanes = tq_lanes_new(before, 2);
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 0);
    (void)tq_lanes_activate(lanes, "b", 0);
    (void)tq_lanes_active(lanes, &count);
    tq_lanes_end_claim(lanes, false, 100, 1);
    return lanes;
}

static void claimed(struct tq_lanes *lanes, const char *type, int64_t at, int64_t id)
{
    const struct tq_claimed row = {.type = type, .scheduled_at = at, .id = id};

    tq_lanes_claimed(lanes, &row);
}

static void check_only(struct tq_lanes *lanes, const char *type, int64_t at)
{
    size_t count;
    const struct tq_lane_cursor *all = tq_lanes_all(lanes, &count);

    CHECK_INT(count, 1);
    CHECK_TEXT(all[0].type, type);
    CHECK_INT(all[0].at, at);
}

UNIT_TEST(keeps_the_cursor_of_a_type_that_stays)
{
    struct tq_lanes *lanes = two_lanes();

    tq_lanes_set_types(lanes, after, 2);

    check_only(lanes, "b", 100);
    CHECK(!tq_lanes_activate(lanes, "a", 0));
    CHECK(tq_lanes_activate(lanes, "c", 0));
    tq_lanes_free(lanes);
}

UNIT_TEST(owns_the_names_of_its_types)
{
    char name[] = "a";
    const char *types[] = {name};
    struct tq_lanes *lanes = tq_lanes_new(types, 1);
    size_t count;

    (void)tq_lanes_activate(lanes, "a", 0);
    name[0] = 'x';

    CHECK_TEXT(tq_lanes_all(lanes, &count)[0].type, "a");
    CHECK_TEXT(tq_lanes_gaps(lanes, &count)[0].type, "a");
    tq_lanes_free(lanes);
}

UNIT_TEST(asks_for_no_gap_of_a_type_that_is_gone)
{
    struct tq_lanes *lanes = two_lanes();
    size_t count;

    tq_lanes_set_types(lanes, after, 2);
    const struct tq_lane_gap *gaps = tq_lanes_gaps(lanes, &count);

    CHECK_INT(count, 3); /* two around b's lane, one for all of c */
    CHECK_TEXT(gaps[0].type, "b");
    CHECK_TEXT(gaps[2].type, "c");
    tq_lanes_free(lanes);
}

UNIT_TEST(takes_the_rest_of_a_claim_whose_types_are_gone)
{
    struct tq_lanes *lanes = two_lanes();
    size_t count;

    (void)tq_lanes_active(lanes, &count);
    tq_lanes_set_types(lanes, after, 2);
    check_only(lanes, "b", 100);
    claimed(lanes, "a", 150, 1);
    claimed(lanes, "b", 160, 2);
    tq_lanes_end_claim(lanes, false, 200, 2);

    check_only(lanes, "b", 200);
    (void)tq_lanes_active(lanes, &count);
    CHECK_INT(count, 1);
    tq_lanes_end_claim(lanes, false, 300, 3);
    tq_lanes_free(lanes);
}

UNIT_TEST(drops_gone_types_after_a_claim_without_an_answer)
{
    struct tq_lanes *lanes = two_lanes();
    size_t count;

    (void)tq_lanes_active(lanes, &count);
    tq_lanes_set_types(lanes, after, 2);

    (void)tq_lanes_active(lanes, &count);
    CHECK_INT(count, 1);
    tq_lanes_end_claim(lanes, false, 300, 3);
    check_only(lanes, "b", 300);
    tq_lanes_free(lanes);
}

UNIT_TEST(looks_from_the_beginning_for_a_type_that_came_back)
{
    struct tq_lanes *lanes = two_lanes();
    size_t count;

    (void)tq_lanes_active(lanes, &count);
    tq_lanes_set_types(lanes, after, 2);
    tq_lanes_set_types(lanes, before, 2);
    tq_lanes_end_claim(lanes, false, 200, 2);

    const struct tq_lane_cursor *all = tq_lanes_all(lanes, &count);

    CHECK_INT(count, 2);
    CHECK_TEXT(all[0].type, "a");
    CHECK_INT(all[0].at, TQ_PG_TIME_MIN);
    CHECK_INT(all[1].at, 200);
    tq_lanes_free(lanes);
}
