// SPDX-License-Identifier: MIT
//
// Lanes in one array, sorted by (type, priority descending) for looking up and for finding gaps;
// claims use an index of pointers in their own order.
#include "worker/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    REST_AFTER_US = 60000000,
    CROWD = 256, /* of active lanes: an empty one costs a claim 2 us */
    CROWDED_REST_AFTER_US = 1000000,
};

/* One below and one above every smallint. */
enum { PRIORITY_FLOOR = -32769, PRIORITY_CEILING = 32768 };

struct lane {
    struct tq_lane_cursor cursor; /* its type is the lane's own */
    bool is_resting;
    bool is_gone;    /* its type is no longer ours; freed when no claim is under way */
    int64_t busy_us; /* tq_clock_us() when it last gave a row, or was activated */
    int found;       /* rows in the claim under way, and the last of them */
    int64_t last_at, last_id;
    int64_t lowered; /* the least time it was lowered to during the claim under way */
};

struct tq_lanes {
    char **types;
    size_t type_count;
    struct lane **lanes; /* sorted by type, then priority descending */
    size_t count, capacity;
    struct lane **order; /* of the claim under way */
    size_t order_count, order_capacity;
    struct lane *recent; /* rows of one lane come together */
    bool is_claiming, has_gone;
    struct tq_lane_cursor *cursors; /* what was handed out last */
    size_t cursor_capacity;
    struct tq_lane_gap *gaps;
    size_t gap_capacity;
};

static void keep_types(struct tq_lanes *lanes, const char *const *types, size_t count)
{
    lanes->types = tq_zalloc((count + 1) * sizeof *lanes->types);
    lanes->type_count = count;
    for (size_t i = 0; i < count; i++)
        lanes->types[i] = tq_strdup(types[i]);
}

static void free_types(struct tq_lanes *lanes)
{
    for (size_t i = 0; i < lanes->type_count; i++)
        free(lanes->types[i]);
    free(lanes->types);
}

static void free_lane(struct lane *lane)
{
    free((void *)(uintptr_t)lane->cursor.type);
    free(lane);
}

struct tq_lanes *tq_lanes_new(const char *const *types, size_t count)
{
    struct tq_lanes *lanes = tq_zalloc(sizeof *lanes);

    keep_types(lanes, types, count);
    return lanes;
}

void tq_lanes_free(struct tq_lanes *lanes)
{
    if (lanes == NULL)
        return;
    for (size_t i = 0; i < lanes->count; i++)
        free_lane(lanes->lanes[i]);
    free_types(lanes);
    free(lanes->lanes);
    free(lanes->order);
    free(lanes->cursors);
    free(lanes->gaps);
    free(lanes);
}

void tq_lanes_forget(struct tq_lanes *lanes)
{
    tq_lanes_lower(lanes, TQ_PG_TIME_MIN);
}

/* The place of (type, priority), or where it would be. */
static size_t place_of(const struct tq_lanes *lanes, const char *type, int priority)
{
    size_t low = 0, high = lanes->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct tq_lane_cursor *at = &lanes->lanes[middle]->cursor;
        int order = strcmp(at->type, type);

        if (order < 0 || (order == 0 && at->priority > priority))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct lane *find(const struct tq_lanes *lanes, const char *type, int priority)
{
    size_t place = place_of(lanes, type, priority);

    if (place == lanes->count)
        return NULL;

    struct lane *lane = lanes->lanes[place];

    return strcmp(lane->cursor.type, type) == 0 && lane->cursor.priority == priority ? lane : NULL;
}

static bool is_own(const struct tq_lanes *lanes, const char *type)
{
    for (size_t i = 0; i < lanes->type_count; i++) {
        if (strcmp(lanes->types[i], type) == 0)
            return true;
    }
    return false;
}

/* A claim that is under way refers to its lanes. */
static void drop_gone(struct tq_lanes *lanes)
{
    size_t kept = 0;

    if (!lanes->has_gone)
        return;
    for (size_t i = 0; i < lanes->count; i++) {
        if (lanes->lanes[i]->is_gone)
            free_lane(lanes->lanes[i]);
        else
            lanes->lanes[kept++] = lanes->lanes[i];
    }
    lanes->count = kept;
    lanes->order_count = 0;
    lanes->recent = NULL;
    lanes->has_gone = false;
}

bool tq_lanes_activate(struct tq_lanes *lanes, const char *type, int16_t priority)
{
    struct lane *lane = find(lanes, type, priority);

    if (!is_own(lanes, type))
        return false;
    if (lane != NULL) {
        bool was_resting = lane->is_resting;

        lane->is_resting = false;
        lane->busy_us = 0;
        return was_resting;
    }
    lane = tq_zalloc(sizeof *lane);
    lane->cursor.type = tq_strdup(type);
    lane->cursor.priority = priority;
    lane->cursor.at = TQ_PG_TIME_MIN;
    lanes->lanes = tq_grow(lanes->lanes, &lanes->capacity, lanes->count + 1, sizeof *lanes->lanes);

    size_t place = place_of(lanes, type, priority);

    memmove(lanes->lanes + place + 1, lanes->lanes + place,
            (lanes->count - place) * sizeof *lanes->lanes);
    lanes->lanes[place] = lane;
    lanes->count++;
    return true;
}

static void lower(const struct tq_lanes *lanes, struct lane *lane, int64_t time)
{
    if (lanes->is_claiming && time < lane->lowered)
        lane->lowered = time;
    if (lane->cursor.at < time)
        return;
    lane->cursor.at = time;
    lane->cursor.id = 0;
}

void tq_lanes_lower(struct tq_lanes *lanes, int64_t time)
{
    for (size_t i = 0; i < lanes->count; i++)
        lower(lanes, lanes->lanes[i], time);
}

void tq_lanes_lower_one(struct tq_lanes *lanes, const char *type, int16_t priority, int64_t time)
{
    struct lane *lane = find(lanes, type, priority);

    if (lane == NULL)
        return;
    lower(lanes, lane, time);
    lane->is_resting = false;
    lane->busy_us = 0;
}

void tq_lanes_set_types(struct tq_lanes *lanes, const char *const *types, size_t count)
{
    free_types(lanes);
    keep_types(lanes, types, count);
    for (size_t i = 0; i < lanes->count; i++) {
        struct lane *lane = lanes->lanes[i];
        bool was_gone = lane->is_gone;

        lane->is_gone = !is_own(lanes, lane->cursor.type);
        lanes->has_gone |= lane->is_gone;
        if (was_gone && !lane->is_gone)
            lower(lanes, lane, TQ_PG_TIME_MIN); /* nobody looked after it meanwhile */
    }
    if (!lanes->is_claiming)
        drop_gone(lanes);
}

static int compare_for_claim(const void *a, const void *b)
{
    const struct tq_lane_cursor *x = &(*(struct lane *const *)a)->cursor;
    const struct tq_lane_cursor *y = &(*(struct lane *const *)b)->cursor;

    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static void hand_out(struct tq_lanes *lanes, size_t index, const struct lane *lane)
{
    lanes->cursors =
        tq_grow(lanes->cursors, &lanes->cursor_capacity, index + 1, sizeof *lanes->cursors);
    lanes->cursors[index] = lane->cursor;
}

const struct tq_lane_cursor *tq_lanes_active(struct tq_lanes *lanes, size_t *count)
{
    drop_gone(lanes); /* the claim before this one may have had no answer */
    lanes->order =
        tq_grow(lanes->order, &lanes->order_capacity, lanes->count, sizeof *lanes->order);
    lanes->order_count = 0;
    for (size_t i = 0; i < lanes->count; i++) {
        if (!lanes->lanes[i]->is_resting)
            lanes->order[lanes->order_count++] = lanes->lanes[i];
    }
    if (lanes->order_count > 1)
        qsort(lanes->order, lanes->order_count, sizeof *lanes->order, compare_for_claim);
    for (size_t i = 0; i < lanes->order_count; i++) {
        lanes->order[i]->found = 0;
        lanes->order[i]->lowered = INT64_MAX;
        hand_out(lanes, i, lanes->order[i]);
    }
    lanes->recent = NULL;
    lanes->is_claiming = true;
    *count = lanes->order_count;
    return lanes->cursors;
}

const struct tq_lane_cursor *tq_lanes_all(struct tq_lanes *lanes, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < lanes->count; i++) {
        if (!lanes->lanes[i]->is_gone)
            hand_out(lanes, (*count)++, lanes->lanes[i]);
    }
    return lanes->cursors;
}

void tq_lanes_claimed(struct tq_lanes *lanes, const struct tq_claimed *row)
{
    struct lane *lane = lanes->recent;

    if (lane == NULL || lane->cursor.priority != row->priority ||
        strcmp(lane->cursor.type, row->type) != 0)
        lane = lanes->recent = find(lanes, row->type, row->priority);
    if (lane->found == 0 || row->scheduled_at > lane->last_at ||
        (row->scheduled_at == lane->last_at && row->id > lane->last_id)) {
        lane->last_at = row->scheduled_at;
        lane->last_id = row->id;
    }
    lane->found++;
}

static void move_cursors(struct tq_lanes *lanes, bool is_full, int64_t clock, int64_t now_us)
{
    size_t filled = lanes->order_count; /* the lane that took the last of the limit; none */
    int64_t rest_after_us = lanes->order_count > CROWD ? CROWDED_REST_AFTER_US : REST_AFTER_US;

    if (is_full) {
        while (filled > 0 && lanes->order[--filled]->found == 0)
            continue;
    }
    if (is_full && (lanes->order_count == 0 || lanes->order[filled]->found == 0))
        return; /* it got none of what it took: nothing is known but that there is more */
    for (size_t i = 0; i < lanes->order_count && i <= filled; i++) {
        struct lane *lane = lanes->order[i];

        if (i == filled) {
            lane->cursor.at = lane->last_at;
            lane->cursor.id = lane->last_id;
        } else {
            lane->cursor.at = clock;
            lane->cursor.id = 0;
        }
        lower(lanes, lane, lane->lowered);
        if (lane->found > 0 || lane->busy_us == 0)
            lane->busy_us = now_us;
        else if (now_us - lane->busy_us > rest_after_us)
            lane->is_resting = true;
    }
}

void tq_lanes_end_claim(struct tq_lanes *lanes, bool is_full, int64_t clock, int64_t now_us)
{
    lanes->is_claiming = false;
    move_cursors(lanes, is_full, clock, now_us);
    drop_gone(lanes);
}

static void add_gap(struct tq_lanes *lanes, size_t *count, const char *type, int above, int below)
{
    if (below - above < 2)
        return; /* nothing fits between */
    lanes->gaps = tq_grow(lanes->gaps, &lanes->gap_capacity, *count + 1, sizeof *lanes->gaps);
    lanes->gaps[(*count)++] = (struct tq_lane_gap){.type = type, .above = above, .below = below};
}

const struct tq_lane_gap *tq_lanes_gaps(struct tq_lanes *lanes, size_t *count)
{
    *count = 0;
    for (size_t t = 0; t < lanes->type_count; t++) {
        const char *type = lanes->types[t];
        int below = PRIORITY_CEILING;

        for (size_t i = place_of(lanes, type, PRIORITY_CEILING);
             i < lanes->count && strcmp(lanes->lanes[i]->cursor.type, type) == 0; i++) {
            add_gap(lanes, count, type, lanes->lanes[i]->cursor.priority, below);
            below = lanes->lanes[i]->cursor.priority;
        }
        add_gap(lanes, count, type, PRIORITY_FLOOR, below);
    }
    return lanes->gaps;
}

const struct tq_lane_cursor *tq_lanes_resting(struct tq_lanes *lanes, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < lanes->count; i++) {
        if (lanes->lanes[i]->is_resting && !lanes->lanes[i]->is_gone)
            hand_out(lanes, (*count)++, lanes->lanes[i]);
    }
    return lanes->cursors;
}
