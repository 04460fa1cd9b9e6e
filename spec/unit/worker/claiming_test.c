// SPDX-License-Identifier: MIT
//
// Lanes and horizon together, against a model of the database: transactions take ids, insert rows
// at the clock, and commit late, out of order, or never, while claims go on. However that turns
// out, every committed row is claimed, once. A model that leaves nothing behind without the horizon
// would prove nothing, so that is tested too.
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "unit/unit.h"
#include "worker/horizon.h"
#include "worker/lanes.h"

enum {
    LANES = 3,
    MAX_OPEN = 24,
    MAX_ROWS = 60000,
    ROUNDS = 1500,
    MARK_EVERY = 100000, /* microseconds, like all times here */
    LONGEST = 3000000,
};

static const char *const types[] = {"t"};

enum row_state { UNSEEN, VISIBLE, CLAIMED, ABORTED };

struct row {
    int64_t at, id, xid;
    int16_t priority;
    enum row_state state;
};

struct transaction {
    int64_t xid, ends_at;
};

struct model {
    uint64_t random;
    int64_t clock, next_xid, next_id, last_completed, marked_at;
    struct transaction open[MAX_OPEN];
    int open_count;
    struct row rows[MAX_ROWS]; /* by (at, id), because the clock ascends */
    int row_count;
    int claimed_twice;
    struct tq_lanes *lanes;
    struct tq_horizon *horizon;
    bool has_horizon;
};

/* xorshift64*: the same on every machine. In [0, below). */
static int64_t pick(struct model *model, int64_t below)
{
    uint64_t x = model->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    model->random = x;
    return (int64_t)((x * UINT64_C(2685821657736338717)) >> 33) % below;
}

/* ---- the database ---- */

static int64_t take_xid(struct model *model)
{
    return model->next_xid++;
}

static void complete(struct model *model, int64_t xid)
{
    if (xid > model->last_completed)
        model->last_completed = xid;
}

static void begin(struct model *model)
{
    int64_t length = pick(model, 20) == 0 ? pick(model, LONGEST) : pick(model, 30000);

    if (model->open_count == MAX_OPEN)
        return;
    model->open[model->open_count++] =
        (struct transaction){.xid = take_xid(model), .ends_at = model->clock + length};
}

static void insert(struct model *model)
{
    if (model->open_count == 0 || model->row_count == MAX_ROWS)
        return;
    model->rows[model->row_count++] = (struct row){
        .at = model->clock,
        .id = ++model->next_id,
        .xid = model->open[pick(model, model->open_count)].xid,
        .priority = (int16_t)pick(model, LANES),
    };
}

static void end(struct model *model, int index)
{
    int64_t xid = model->open[index].xid;
    enum row_state state = pick(model, 10) == 0 ? ABORTED : VISIBLE;

    model->open[index] = model->open[--model->open_count];
    for (int i = 0; i < model->row_count; i++) {
        if (model->rows[i].xid == xid && model->rows[i].state == UNSEEN)
            model->rows[i].state = state;
    }
    complete(model, xid);
}

/* Some of what others do in a little while. */
static void pass(struct model *model)
{
    for (int64_t i = pick(model, 6); i > 0; i--) {
        model->clock += 1 + pick(model, 400);
        if (pick(model, 3) == 0)
            begin(model);
        else
            insert(model);
        for (int k = model->open_count; k-- > 0;) {
            if (model->open[k].ends_at <= model->clock)
                end(model, k);
        }
    }
}

/* "xmin:xmax:xid,..." of now; xmin is not looked at. */
static void take_snapshot(const struct model *model, char *out, size_t size)
{
    int64_t xmax = model->last_completed + 1;
    size_t len = (size_t)snprintf(out, size, "1:%lld:", (long long)xmax);

    for (int64_t xid = 1, last = 0; xid != INT64_MAX; last = xid) {
        xid = INT64_MAX;
        for (int i = 0; i < model->open_count; i++) {
            if (model->open[i].xid > last && model->open[i].xid < xid && model->open[i].xid < xmax)
                xid = model->open[i].xid;
        }
        if (xid != INT64_MAX)
            len += (size_t)snprintf(out + len, size - len, "%s%lld", last == 0 ? "" : ",",
                                    (long long)xid);
    }
}

/* ---- the worker ---- */

static void mark(struct model *model)
{
    int64_t clock = model->clock;

    pass(model);
    model->marked_at = clock;

    int64_t xid = take_xid(model);

    complete(model, xid);
    tq_horizon_mark(model->horizon, xid, clock);
}

static int claim_lane(struct model *model, const struct tq_lane_cursor *lane, int limit,
                      int64_t clock)
{
    int taken = 0;

    for (int i = 0; i < model->row_count && taken < limit; i++) {
        struct row *row = &model->rows[i];

        if (row->priority != lane->priority || row->state != VISIBLE || row->at > clock ||
            row->at < lane->at || (row->at == lane->at && row->id <= lane->id))
            continue;
        row->state = CLAIMED;
        taken++;

        const struct tq_claimed claimed = {
            .id = row->id, .type = "t", .priority = row->priority, .scheduled_at = row->at};

        tq_lanes_claimed(model->lanes, &claimed);
    }
    return taken;
}

/* One statement: its clock, then its snapshot and rows, then its id if it has written. */
static int claim(struct model *model)
{
    char snapshot[1024];
    int limit = 1 + (int)pick(model, 30), taken = 0;
    size_t count;

    if (model->has_horizon)
        tq_lanes_lower(model->lanes, tq_horizon_time(model->horizon));

    const struct tq_lane_cursor *lanes = tq_lanes_active(model->lanes, &count);
    int64_t clock = model->clock;

    pass(model);
    take_snapshot(model, snapshot, sizeof snapshot);
    for (size_t i = 0; i < count && taken < limit; i++)
        taken += claim_lane(model, &lanes[i], limit - taken, clock);
    tq_lanes_end_claim(model->lanes, taken == limit, clock, model->clock);
    tq_horizon_observe(model->horizon, snapshot);
    if (taken > 0) {
        pass(model);

        int64_t xid = take_xid(model);

        complete(model, xid);
        tq_horizon_mark(model->horizon, xid, clock);
        model->marked_at = clock;
    }
    return taken;
}

static struct model *model_new(uint64_t seed, bool has_horizon)
{
    struct model *model = tq_zalloc(sizeof *model);

    model->random = seed;
    model->clock = 1000000;
    model->next_xid = 100;
    model->last_completed = 99;
    model->has_horizon = has_horizon;
    model->lanes = tq_lanes_new(types, 1);
    model->horizon = tq_horizon_new();
    for (int16_t priority = 0; priority < LANES; priority++)
        (void)tq_lanes_activate(model->lanes, "t", priority);
    return model;
}

/* Runs until all has ended and been looked for. Returns how many committed rows were left. */
static int run(uint64_t seed, bool has_horizon)
{
    struct model *model = model_new(seed, has_horizon);
    int left = 0;

    mark(model);
    for (int round = 0; round < ROUNDS; round++) {
        pass(model);
        if (model->clock - model->marked_at > MARK_EVERY)
            mark(model);
        (void)claim(model);
        for (int16_t priority = 0; priority < LANES; priority++)
            (void)tq_lanes_activate(model->lanes, "t", priority); /* none rests */
    }
    while (model->open_count > 0)
        end(model, 0);
    model->random = 0; /* from here on nothing passes */
    model->clock += 1000;
    for (int idle = 0; idle < 3;)
        idle = claim(model) > 0 ? 0 : idle + 1;

    CHECK(model->row_count > 1000);
    for (int i = 0; i < model->row_count; i++)
        left += model->rows[i].state == VISIBLE;
    tq_lanes_free(model->lanes);
    tq_horizon_free(model->horizon);
    free(model);
    return left;
}

UNIT_TEST(leaves_nothing_behind)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        CHECK_INT(run(seed * 7919, true), 0);
}

UNIT_TEST(would_leave_rows_behind_without_the_horizon)
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        CHECK(run(seed * 7919, false) > 0);
}
