// SPDX-License-Identifier: MIT
//
// What a cursor may have passed. Rows become visible later than their place in the order says, when
// their transaction commits late; so a cursor is only as good as the snapshot it came from.
//
// A row of transaction x is never older than x's id, because its scheduled_at is read after the id
// was assigned. Every transaction of ours that wrote is remembered as (xid, T), T its clock before
// the id was assigned. Hence bound(x), the T of the newest of them with xid < x: rows of x are not
// older.
//
// What the last claim cannot have seen, or may have passed:
//   - rows of ids at or above its snapshot's xmax: not older than bound(xmax);
//   - rows of ids that were in progress in the snapshot before and were not in it: not older than
//     the bound taken when each was first seen (a writer held open for an hour costs one look-back,
//     when it ends).
// The horizon is the least of these. Main thread only; no I/O.
#ifndef TQ_WORKER_HORIZON_H
#define TQ_WORKER_HORIZON_H

#include <stdbool.h>
#include <stdint.h>

struct tq_horizon;

struct tq_horizon *tq_horizon_new(void);
void tq_horizon_free(struct tq_horizon *horizon);

/* Another server, or one that may have lost commits: nothing known holds any more. */
void tq_horizon_forget(struct tq_horizon *horizon);

/* A transaction of ours with this id began at clock (its own now()). Ids must ascend. */
void tq_horizon_mark(struct tq_horizon *horizon, int64_t xid, int64_t clock);

/* Takes a claim's snapshot, "xmin:xmax:xid,...". */
void tq_horizon_observe(struct tq_horizon *horizon, const char *snapshot);

/* Cursors are lowered to this before the next claim. TQ_PG_TIME_MIN before the first observe. */
int64_t tq_horizon_time(const struct tq_horizon *horizon);

/* Of the transactions whose id was assigned before `xid`: whether one is still in progress, and
   whether one ended between the last two snapshots, so that its rows have not been looked for yet.
 */
bool tq_horizon_has_open_before(const struct tq_horizon *horizon, int64_t xid);
bool tq_horizon_has_ended_before(const struct tq_horizon *horizon, int64_t xid);

#endif
