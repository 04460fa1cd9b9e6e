// SPDX-License-Identifier: MIT
//
// The lanes that this worker claims from. A lane is a (type, priority) pair with a cursor:
// everything in it at or before the cursor has been claimed, by whomever, or will be found by the
// horizon's look-backs or by the sweep. Lanes that stay empty rest: they are no longer part of
// every claim, but discovery looks behind their cursors.
//
//     found by discovery -> active --empty for 60 s (1 s in a crowd)--> resting
//                              ^                                           |
//                              '---------------something due---------------'
//
// Main thread only; no I/O.
#ifndef TQ_WORKER_LANES_H
#define TQ_WORKER_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "database/repository.h"

struct tq_lanes;

/* types are those that this worker has handlers for. */
struct tq_lanes *tq_lanes_new(const char *const *types, size_t count);
void tq_lanes_free(struct tq_lanes *lanes);

/* Other types. Lanes of those that stay keep their cursors, those of the others are gone; a claim
   may be under way. */
void tq_lanes_set_types(struct tq_lanes *lanes, const char *const *types, size_t count);

/* All cursors back to the beginning: the server lost commits, or is another one. */
void tq_lanes_forget(struct tq_lanes *lanes);

/* A lane that discovery found. True when it was not active before. */
bool tq_lanes_activate(struct tq_lanes *lanes, const char *type, int16_t priority);

/* Lowers the cursor of every lane to `time`, or of the one lane. */
void tq_lanes_lower(struct tq_lanes *lanes, int64_t time);
void tq_lanes_lower_one(struct tq_lanes *lanes, const char *type, int16_t priority, int64_t time);

/* The active lanes in the order of claiming: highest priority first and, within one, the cursor
   that is furthest behind. Valid until the next call of the kind. */
const struct tq_lane_cursor *tq_lanes_active(struct tq_lanes *lanes, size_t *count);
const struct tq_lane_cursor *tq_lanes_all(struct tq_lanes *lanes, size_t *count);

/* The answer to a claim over the lanes of the last tq_lanes_active(): one call a row, then the end,
   and whether the claim took as many rows as it might (it may not have got them all). A lane that
   filled the claim gets the last row it returned; lanes before it were exhausted and get the
   claim's clock; lanes after it were not reached and keep their cursor. */
void tq_lanes_claimed(struct tq_lanes *lanes, const struct tq_claimed *row);
void tq_lanes_end_claim(struct tq_lanes *lanes, bool is_full, int64_t clock, int64_t now_us);

/* What discovery asks for. Valid until the next call of the kind. */
const struct tq_lane_gap *tq_lanes_gaps(struct tq_lanes *lanes, size_t *count);
const struct tq_lane_cursor *tq_lanes_resting(struct tq_lanes *lanes, size_t *count);

#endif
