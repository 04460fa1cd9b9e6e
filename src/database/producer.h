// SPDX-License-Identifier: MIT
//
// What producers do, on a blocking session: enqueueing, and looking at what became of it.
#ifndef TQ_DATABASE_PRODUCER_H
#define TQ_DATABASE_PRODUCER_H

#include <stddef.h>
#include <stdint.h>

#include "database/session.h"

struct tq_new_task {
    const char *type;
    const char *payload; /* JSON; NULL: {} */
    size_t payload_len;
    int32_t priority;
    int32_t max_attempts; /* 0: what the handler says */
    bool is_scheduled;    /* scheduled_at is set; else it is due at once */
    int64_t scheduled_at; /* microseconds since 2000-01-01 UTC */
    int64_t delay_us;     /* from now, on the database's clock; not with scheduled_at */
};

struct tq_stats {
    int64_t pending, running, completed, failed, cancelled, total;
};

TQ_MUST_CHECK bool tq_producer_enqueue(struct tq_session *session, const struct tq_new_task *task,
                                       int64_t *id, struct tq_err *err);

/* The task as one JSON object whose keys are the table's columns, in rows (row 0, column 0: text);
   no row when there is none. The caller clears rows. */
TQ_MUST_CHECK bool tq_producer_read_task(struct tq_session *session, int64_t id,
                                         struct tq_rows *rows, struct tq_err *err);

/* Enqueues a JSON array, text of len bytes, in two halves as tq_session_send() does. The text may
   go when send has returned. */
TQ_MUST_CHECK bool tq_producer_send_many(struct tq_session *session, const char *text, size_t len,
                                         struct tq_err *err);
TQ_MUST_CHECK bool tq_producer_finish_many(struct tq_session *session, int64_t *count,
                                           struct tq_err *err);

TQ_MUST_CHECK bool tq_producer_stats(struct tq_session *session, struct tq_stats *stats,
                                     struct tq_err *err);

#endif
