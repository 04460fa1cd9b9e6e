// SPDX-License-Identifier: MIT
//
// The statements of sql/queries/, by name. Their text comes from the embedded files, so a statement
// can be read, explained and changed where it stands.
#ifndef TQ_DATABASE_QUERY_H
#define TQ_DATABASE_QUERY_H

/* One a line: its constant here, its file there. */
/* clang-format off */
#define TQ_QUERIES(QUERY) \
    QUERY(CLAIM, claim) \
    QUERY(CLAIM_FOUND, claim_found) \
    QUERY(MARK, mark) \
    QUERY(DISCOVER, discover) \
    QUERY(NEXT_DUE, next_due) \
    QUERY(SWEEP, sweep) \
    QUERY(DOORBELL, doorbell) \
    QUERY(ECHO, echo) \
    QUERY(COMPLETE, complete) \
    QUERY(COMPLETE_LOGGED, complete_logged) \
    QUERY(COMPLETE_ONE, complete_one) \
    QUERY(FATE, fate) \
    QUERY(FAIL, fail) \
    QUERY(REQUEUE, requeue) \
    QUERY(PROGRESS, progress) \
    QUERY(LOCATE, locate) \
    QUERY(WRITTEN, written) \
    QUERY(STALE, stale) \
    QUERY(HELD, held) \
    QUERY(LIVE_BLOCKS, live_blocks) \
    QUERY(REGISTER, register) \
    QUERY(RENEW, renew) \
    QUERY(ANNOUNCE, announce) \
    QUERY(SIGN_OFF, sign_off) \
    QUERY(TERMINATE, terminate) \
    QUERY(FORGET_WORKERS, forget_workers) \
    QUERY(REMAINING, remaining) \
    QUERY(CANCEL_REQUESTS, cancel_requests) \
    QUERY(MAKE_DAYS, make_days) \
    QUERY(SETTLE_DAYS, settle_days) \
    QUERY(COMPACT_COUNTS, compact_counts) \
    QUERY(STATS, stats) \
    QUERY(FAILED_RELOADS, failed_reloads) \
    QUERY(UNHANDLED_TYPES, unhandled_types) \
    QUERY(ENQUEUE, enqueue) \
    QUERY(ENQUEUE_MANY, enqueue_many) \
    QUERY(ENQUEUE_TASK, enqueue_task) \
    QUERY(ENQUEUE_TASKS, enqueue_tasks) \
    QUERY(TASK, task) \
    QUERY(CANCEL, cancel) \
    QUERY(RETRY, retry) \
    QUERY(RETRY_MANY, retry_many) \
    QUERY(CLEANUP, cleanup) \
    QUERY(LIST, list) \
    QUERY(SHOW, show) \
    QUERY(HEAR, hear) \
    QUERY(CREATED, created) \
    QUERY(PUBLISH, publish) \
    QUERY(FOLLOW, follow) \
    QUERY(FOLLOWED, followed)
/* clang-format on */

#define TQ_QUERY_CONSTANT(constant, file) TQ_QUERY_##constant,

enum tq_query { TQ_QUERIES(TQ_QUERY_CONSTANT) TQ_QUERY_COUNT };

#undef TQ_QUERY_CONSTANT

const char *tq_query_name(enum tq_query query); /* "claim": the prepared statement's name too */
const char *tq_query_text(enum tq_query query);

#endif
