// SPDX-License-Identifier: MIT
//
// The vigil: awake, lapsing, asleep.
#include "worker/vigil.h"

#include "unit/unit.h"

enum { MS = 1000, POLL_US = 1000 * MS };

static struct tq_vigil awake_at(int64_t now_us)
{
    struct tq_vigil vigil = {.poll_us = POLL_US};

    tq_vigil_wake(&vigil, now_us);
    return vigil;
}

/* Finds nothing at every look until it sleeps or until_us has come; marks as a claimer would. */
static int64_t look_on(struct tq_vigil *vigil, struct tq_horizon *horizon, int64_t until_us)
{
    int64_t now_us = vigil->look_us;

    while (now_us < until_us) {
        if (tq_vigil_needs_mark(vigil, now_us))
            tq_vigil_marked(vigil, now_us, 50);
        (void)tq_vigil_found_nothing(vigil, now_us, horizon, false);
        if (vigil->state == TQ_VIGIL_ASLEEP)
            break;
        now_us = vigil->look_us > now_us ? vigil->look_us : now_us + 1;
    }
    return now_us;
}

UNIT_TEST(looks_at_once_when_woken)
{
    struct tq_vigil vigil = awake_at(500);

    CHECK_INT(vigil.look_us, 500);
    CHECK(tq_vigil_needs_promise(&vigil, 500));
}

UNIT_TEST(looks_again_at_once_after_a_full_claim)
{
    struct tq_vigil vigil = awake_at(0);

    tq_vigil_found(&vigil, 10 * MS, true);
    CHECK_INT(vigil.look_us, 10 * MS);
    tq_vigil_found(&vigil, 10 * MS, false);
    CHECK(vigil.look_us > 10 * MS && vigil.look_us <= 12 * MS);
}

UNIT_TEST(renews_its_promise_only_while_awake)
{
    struct tq_vigil vigil = awake_at(0);

    tq_vigil_promised(&vigil, 0);
    CHECK(!tq_vigil_needs_promise(&vigil, 10 * MS));
    CHECK(tq_vigil_needs_promise(&vigil, 60 * MS));
    vigil.state = TQ_VIGIL_LAPSING;
    CHECK(!tq_vigil_needs_promise(&vigil, 60 * MS));
}

UNIT_TEST(keeps_looking_until_the_promise_has_lapsed_and_then_sleeps)
{
    struct tq_horizon *horizon = tq_horizon_new();
    struct tq_vigil vigil = awake_at(0);

    tq_vigil_promised(&vigil, 0);
    tq_horizon_observe(horizon, "40:40:");
    CHECK(look_on(&vigil, horizon, 90 * MS) >= 90 * MS);
    CHECK_INT(vigil.state, TQ_VIGIL_LAPSING);
    CHECK(vigil.look_us <= 92 * MS);

    int64_t asleep_us = look_on(&vigil, horizon, 10 * POLL_US);

    CHECK_INT(vigil.state, TQ_VIGIL_ASLEEP);
    CHECK(asleep_us > (100 + 2 + 10 + 50 + 250) * MS);
    CHECK(asleep_us < (110 + 2 + 10 + 50 + 250) * MS);
    CHECK_INT(vigil.look_us, asleep_us + POLL_US);
    tq_horizon_free(horizon);
}

UNIT_TEST(does_not_sleep_while_a_producer_that_saw_the_promise_is_open)
{
    struct tq_horizon *horizon = tq_horizon_new();
    struct tq_vigil vigil = awake_at(0);

    tq_vigil_promised(&vigil, 0);
    tq_horizon_observe(horizon, "40:60:40");
    CHECK(look_on(&vigil, horizon, 5 * POLL_US) >= 5 * POLL_US);
    CHECK_INT(vigil.state, TQ_VIGIL_LAPSING);

    tq_horizon_observe(horizon, "60:60:"); /* it has ended: one more look, at once */
    CHECK(!tq_vigil_found_nothing(&vigil, 6 * POLL_US, horizon, false));
    CHECK_INT(vigil.look_us, 6 * POLL_US);

    tq_horizon_observe(horizon, "60:60:");
    CHECK(tq_vigil_found_nothing(&vigil, 6 * POLL_US, horizon, false));
    tq_horizon_free(horizon);
}

UNIT_TEST(does_not_mind_transactions_that_began_after_the_lapse)
{
    struct tq_horizon *horizon = tq_horizon_new();
    struct tq_vigil vigil = awake_at(0);

    tq_horizon_observe(horizon, "55:60:55"); /* the mark has id 50 */
    (void)look_on(&vigil, horizon, 5 * POLL_US);
    CHECK_INT(vigil.state, TQ_VIGIL_ASLEEP);
    tq_horizon_free(horizon);
}

UNIT_TEST(takes_no_mark_from_before_the_lapse)
{
    struct tq_vigil vigil = awake_at(0);

    tq_vigil_promised(&vigil, 0);
    vigil.state = TQ_VIGIL_LAPSING;
    tq_vigil_marked(&vigil, 99 * MS, 50);
    CHECK_INT(vigil.lapse_xid, 0);
    tq_vigil_marked(&vigil, 101 * MS, 51);
    CHECK_INT(vigil.lapse_xid, 51);
}

UNIT_TEST(looks_earlier_when_something_is_due)
{
    struct tq_vigil vigil = {.poll_us = POLL_US, .state = TQ_VIGIL_ASLEEP, .look_us = POLL_US};

    tq_vigil_look_within(&vigil, 0, 300 * MS);
    CHECK_INT(vigil.look_us, 300 * MS);
    tq_vigil_look_within(&vigil, 0, 400 * MS);
    CHECK_INT(vigil.look_us, 300 * MS);
}
