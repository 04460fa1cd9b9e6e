// SPDX-License-Identifier: MIT
//
// Looks, and the pauses between them.
#include "worker/vigil.h"

enum {
    LOOK_EVERY_US = 1500,
    AWAKE_US = 20000,
    PROMISE_RENEW_US = 50000, /* renewed when less is left of it */
    OPEN_LOOK_US = 250000,
    SOON_US = 10000, /* how late a due task may be looked for */
    REFUSED_US = 250000,
};

/* Looks after the promise has lapsed. */
static const int64_t steps_us[] = {2000, 10000, 50000, 250000};
enum { STEPS = sizeof steps_us / sizeof *steps_us };

void tq_vigil_wake(struct tq_vigil *vigil, int64_t now_us)
{
    vigil->state = TQ_VIGIL_AWAKE;
    vigil->found_us = vigil->look_us = now_us;
}

void tq_vigil_look_within(struct tq_vigil *vigil, int64_t now_us, int64_t delay_us)
{
    if (now_us + delay_us < vigil->look_us)
        vigil->look_us = now_us + delay_us;
}

void tq_vigil_was_full(struct tq_vigil *vigil, int64_t now_us)
{
    vigil->found_us = now_us;
    vigil->look_us = now_us + LOOK_EVERY_US;
}

void tq_vigil_was_refused(struct tq_vigil *vigil, int64_t now_us)
{
    vigil->look_us = now_us + REFUSED_US;
}

void tq_vigil_found(struct tq_vigil *vigil, int64_t now_us, bool is_full)
{
    vigil->state = TQ_VIGIL_AWAKE;
    vigil->found_us = now_us;
    vigil->look_us = now_us + (is_full ? 0 : LOOK_EVERY_US);
}

/* How long until the next look; -1: there is none before sleep. */
static int64_t lapse(struct tq_vigil *vigil, int64_t now_us, const struct tq_horizon *horizon,
                     bool is_promising)
{
    if (now_us < vigil->promise_us || is_promising) {
        vigil->lapse_xid = 0;
        return LOOK_EVERY_US; /* producers still rely on us */
    }
    if (vigil->lapse_xid == 0)
        return LOOK_EVERY_US; /* the next look makes the mark */
    if (tq_horizon_has_ended_before(horizon, vigil->lapse_xid))
        return 0; /* its rows are behind the cursors until they are lowered */
    if (vigil->step < STEPS)
        return steps_us[vigil->step++];
    return tq_horizon_has_open_before(horizon, vigil->lapse_xid) ? OPEN_LOOK_US : -1;
}

bool tq_vigil_found_nothing(struct tq_vigil *vigil, int64_t now_us,
                            const struct tq_horizon *horizon, bool is_promising)
{
    int64_t pause_us = LOOK_EVERY_US;

    if (vigil->state == TQ_VIGIL_AWAKE && now_us - vigil->found_us > AWAKE_US) {
        vigil->state = TQ_VIGIL_LAPSING;
        vigil->step = 0;
        vigil->lapse_xid = 0;
    }
    if (vigil->state == TQ_VIGIL_LAPSING)
        pause_us = lapse(vigil, now_us, horizon, is_promising);
    if (pause_us < 0)
        vigil->state = TQ_VIGIL_ASLEEP;
    if (vigil->state == TQ_VIGIL_ASLEEP)
        pause_us = vigil->poll_us;
    vigil->look_us = now_us + pause_us;
    return pause_us > SOON_US;
}

bool tq_vigil_needs_promise(const struct tq_vigil *vigil, int64_t now_us)
{
    return vigil->state == TQ_VIGIL_AWAKE && vigil->promise_us - now_us < PROMISE_RENEW_US;
}

bool tq_vigil_needs_mark(const struct tq_vigil *vigil, int64_t now_us)
{
    return vigil->state == TQ_VIGIL_LAPSING && vigil->lapse_xid == 0 && now_us >= vigil->promise_us;
}

void tq_vigil_promised(struct tq_vigil *vigil, int64_t now_us)
{
    vigil->promise_us = now_us + TQ_VIGIL_PROMISE_MS * 1000;
}

void tq_vigil_marked(struct tq_vigil *vigil, int64_t sent_us, int64_t xid)
{
    if (tq_vigil_needs_mark(vigil, sent_us))
        vigil->lapse_xid = xid;
}
