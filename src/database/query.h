// SPDX-License-Identifier: MIT
//
// The statements of sql/queries/, by name. Their text comes from the embedded files, so a statement
// can be read, explained and changed where it stands.
#ifndef TQ_DATABASE_QUERY_H
#define TQ_DATABASE_QUERY_H

enum tq_query {
    TQ_QUERY_CLAIM,
    TQ_QUERY_CLAIM_FOUND,
    TQ_QUERY_MARK,
    TQ_QUERY_DISCOVER,
    TQ_QUERY_NEXT_DUE,
    TQ_QUERY_SWEEP,
    TQ_QUERY_DOORBELL,
    TQ_QUERY_ECHO,
    TQ_QUERY_COMPLETE,
    TQ_QUERY_COMPLETE_LOGGED,
    TQ_QUERY_COMPLETE_ONE,
    TQ_QUERY_FATE,
    TQ_QUERY_FAIL,
    TQ_QUERY_REQUEUE,
    TQ_QUERY_PROGRESS,
    TQ_QUERY_LOCATE,
    TQ_QUERY_WRITTEN,
    TQ_QUERY_STALE,
    TQ_QUERY_HELD,
    TQ_QUERY_LIVE_BLOCKS,
    TQ_QUERY_REGISTER,
    TQ_QUERY_RENEW,
    TQ_QUERY_ANNOUNCE,
    TQ_QUERY_SIGN_OFF,
    TQ_QUERY_TERMINATE,
    TQ_QUERY_FORGET_WORKERS,
    TQ_QUERY_REMAINING,
    TQ_QUERY_CANCEL_REQUESTS,
    TQ_QUERY_MAKE_DAYS,
    TQ_QUERY_SETTLE_DAYS,
    TQ_QUERY_COMPACT_COUNTS,
    TQ_QUERY_STATS,
    TQ_QUERY_FAILED_RELOADS,
    TQ_QUERY_UNHANDLED_TYPES,
    TQ_QUERY_ENQUEUE,
    TQ_QUERY_ENQUEUE_MANY,
    TQ_QUERY_ENQUEUE_TASK,
    TQ_QUERY_ENQUEUE_TASKS,
    TQ_QUERY_TASK,
    TQ_QUERY_CANCEL,
    TQ_QUERY_RETRY,
    TQ_QUERY_RETRY_MANY,
    TQ_QUERY_CLEANUP,
    TQ_QUERY_LIST,
    TQ_QUERY_SHOW,
    TQ_QUERY_HEAR,
    TQ_QUERY_CREATED,
    TQ_QUERY_PUBLISH,
    TQ_QUERY_FOLLOW,
    TQ_QUERY_FOLLOWED,
    TQ_QUERY_COUNT,
};

const char *tq_query_name(enum tq_query query); /* "claim": the prepared statement's name too */
const char *tq_query_text(enum tq_query query);

#endif
