// SPDX-License-Identifier: MIT
//
// The ring of our own transactions, and the open transactions of the last snapshot.
#include "worker/horizon.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "database/params.h"

enum { RING_SIZE = 16384 };

struct mark {
    int64_t xid, clock;
};

struct open {
    int64_t xid, bound;
};

struct opens {
    struct open *items; /* by ascending id */
    size_t count, capacity;
};

struct tq_horizon {
    struct mark ring[RING_SIZE];
    uint64_t ring_count; /* of marks ever made */
    struct opens open, next;
    int64_t time;
    int64_t first_ended; /* the least id that ended between the last two snapshots */
};

struct tq_horizon *tq_horizon_new(void)
{
    struct tq_horizon *horizon = tq_zalloc(sizeof *horizon);

    tq_horizon_forget(horizon);
    return horizon;
}

void tq_horizon_free(struct tq_horizon *horizon)
{
    if (horizon == NULL)
        return;
    free(horizon->open.items);
    free(horizon->next.items);
    free(horizon);
}

void tq_horizon_forget(struct tq_horizon *horizon)
{
    horizon->ring_count = 0;
    horizon->open.count = 0;
    horizon->first_ended = INT64_MAX;
    horizon->time = TQ_PG_TIME_MIN;
}

void tq_horizon_mark(struct tq_horizon *horizon, int64_t xid, int64_t clock)
{
    horizon->ring[horizon->ring_count++ % RING_SIZE] = (struct mark){xid, clock};
}

/* The clock of the newest mark with an id below xid: a binary search, as ids ascend. */
static int64_t bound(const struct tq_horizon *horizon, int64_t xid)
{
    uint64_t high = horizon->ring_count;
    uint64_t low = high > RING_SIZE ? high - RING_SIZE : 0;
    uint64_t oldest = low;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (horizon->ring[middle % RING_SIZE].xid < xid)
            low = middle + 1;
        else
            high = middle;
    }
    return low == oldest ? TQ_PG_TIME_MIN : horizon->ring[(low - 1) % RING_SIZE].clock;
}

static void opens_add(struct opens *opens, struct open item)
{
    opens->items = tq_grow(opens->items, &opens->capacity, opens->count + 1, sizeof *opens->items);
    opens->items[opens->count++] = item;
}

/* An open transaction of the snapshot before is not in this one: it has ended. */
static void end_open(struct tq_horizon *horizon, const struct open *ended)
{
    if (ended->bound < horizon->time)
        horizon->time = ended->bound;
    if (ended->xid < horizon->first_ended)
        horizon->first_ended = ended->xid;
}

void tq_horizon_observe(struct tq_horizon *horizon, const char *snapshot)
{
    char *at = strchr(snapshot, ':') + 1; /* xmin is of no use */
    size_t old = 0;

    horizon->time = bound(horizon, strtoll(at, &at, 10)); /* of xmax */
    horizon->first_ended = INT64_MAX;

    /* Both lists ascend. */
    horizon->next.count = 0;
    while (*at == ':' || *at == ',') {
        if (*++at == '\0')
            break; /* nothing was open */

        int64_t xid = strtoll(at, &at, 10);
        bool is_known = false;

        while (old < horizon->open.count && horizon->open.items[old].xid < xid)
            end_open(horizon, &horizon->open.items[old++]);
        is_known = old < horizon->open.count && horizon->open.items[old].xid == xid;
        opens_add(&horizon->next,
                  is_known ? horizon->open.items[old++] : (struct open){xid, bound(horizon, xid)});
    }
    while (old < horizon->open.count)
        end_open(horizon, &horizon->open.items[old++]);

    struct opens swap = horizon->open;

    horizon->open = horizon->next;
    horizon->next = swap;
}

int64_t tq_horizon_time(const struct tq_horizon *horizon)
{
    return horizon->time;
}

bool tq_horizon_has_open_before(const struct tq_horizon *horizon, int64_t xid)
{
    return horizon->open.count > 0 && horizon->open.items[0].xid < xid;
}

bool tq_horizon_has_ended_before(const struct tq_horizon *horizon, int64_t xid)
{
    return horizon->first_ended < xid;
}
