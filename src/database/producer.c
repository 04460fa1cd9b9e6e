// SPDX-License-Identifier: MIT
//
// Statements of producers.
#include "database/producer.h"

bool tq_producer_enqueue(struct tq_session *session, const struct tq_new_task *task, int64_t *id,
                         struct tq_err *err)
{
    struct tq_params params = {0};
    struct tq_rows rows = {0};

    tq_params_text(&params, task->type);
    if (task->payload != NULL)
        tq_params_jsonb(&params, task->payload, task->payload_len);
    else
        tq_params_null(&params);
    tq_params_int4(&params, task->priority);
    if (task->max_attempts > 0)
        tq_params_int4(&params, task->max_attempts);
    else
        tq_params_null(&params);
    if (task->is_scheduled)
        tq_params_int8(&params, task->scheduled_at);
    else
        tq_params_null(&params);
    tq_params_int8(&params, task->delay_us);

    bool is_done = tq_session_query(session, TQ_QUERY_ENQUEUE, &params, &rows, err);

    if (is_done)
        *id = tq_rows_int8(&rows, 0, 0);
    tq_rows_clear(&rows);
    return is_done;
}

bool tq_producer_read_task(struct tq_session *session, int64_t id, struct tq_rows *rows,
                           struct tq_err *err)
{
    struct tq_params params = {0};

    tq_params_int8(&params, id);
    return tq_session_query(session, TQ_QUERY_TASK, &params, rows, err);
}

bool tq_producer_send_many(struct tq_session *session, const char *text, size_t len,
                           struct tq_err *err)
{
    struct tq_params params = {0};

    tq_params_jsonb(&params, "[", 1);
    tq_params_more(&params, text, len);
    tq_params_more(&params, "]", 1);
    return tq_session_send(session, TQ_QUERY_ENQUEUE_MANY, &params, err);
}

bool tq_producer_finish_many(struct tq_session *session, int64_t *count, struct tq_err *err)
{
    struct tq_rows rows = {0};

    if (!tq_session_finish(session, TQ_QUERY_ENQUEUE_MANY, &rows, err))
        return false;
    *count = tq_rows_int8(&rows, 0, 0);
    tq_rows_clear(&rows);
    return true;
}

bool tq_producer_stats(struct tq_session *session, struct tq_stats *stats, struct tq_err *err)
{
    enum { PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, TOTAL };
    struct tq_rows rows = {0};

    if (!tq_session_query(session, TQ_QUERY_STATS, NULL, &rows, err))
        return false;
    *stats = (struct tq_stats){
        .pending = tq_rows_int8(&rows, 0, PENDING),
        .running = tq_rows_int8(&rows, 0, RUNNING),
        .completed = tq_rows_int8(&rows, 0, COMPLETED),
        .failed = tq_rows_int8(&rows, 0, FAILED),
        .cancelled = tq_rows_int8(&rows, 0, CANCELLED),
        .total = tq_rows_int8(&rows, 0, TOTAL),
    };
    tq_rows_clear(&rows);
    return true;
}
