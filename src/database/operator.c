// SPDX-License-Identifier: MIT
//
// Statements of operators.
#include "database/operator.h"

#include <string.h>

/* The SQLSTATEs of refusals; sql/functions/cancel.sql and retry.sql tell them apart. */
#define REFUSAL "TQ"

bool tq_operator_is_refusal(const struct tq_err *err)
{
    return strncmp(err->sqlstate, REFUSAL, strlen(REFUSAL)) == 0;
}

bool tq_operator_cancel(struct tq_session *session, int64_t id, bool *is_requested,
                        struct tq_err *err)
{
    struct tq_params params = {0};
    struct tq_rows rows = {0};

    tq_params_int8(&params, id);

    bool is_done = tq_session_query(session, TQ_QUERY_CANCEL, &params, &rows, err);

    if (is_done)
        *is_requested = strcmp(tq_rows_text(&rows, 0, 0), "requested") == 0;
    tq_rows_clear(&rows);
    return is_done;
}

bool tq_operator_retry(struct tq_session *session, int64_t id, bool is_resetting_attempts,
                       struct tq_err *err)
{
    struct tq_params params = {0};

    tq_params_int8(&params, id);
    tq_params_bool(&params, is_resetting_attempts);
    return tq_session_query(session, TQ_QUERY_RETRY, &params, NULL, err);
}

static void add_bound(struct tq_params *params, const struct tq_finish_bound *bound)
{
    if (bound->is_time)
        tq_params_int8(params, bound->at);
    else
        tq_params_null(params);
    if (bound->age_us > 0)
        tq_params_int8(params, bound->age_us);
    else
        tq_params_null(params);
}

static void read_bound(const struct tq_rows *rows, int column, struct tq_finish_bound *bound)
{
    bound->is_time = !tq_rows_is_null(rows, 0, column);
    if (bound->is_time)
        bound->at = tq_rows_int8(rows, 0, column);
}

bool tq_operator_retry_many(struct tq_session *session, struct tq_retry_batch *batch,
                            int64_t *retried, struct tq_err *err)
{
    enum { RETRIED, LAST_ID, FROM, BEFORE };
    struct tq_params params = {0};
    struct tq_rows rows = {0};

    tq_params_text(&params, batch->type);
    tq_params_text(&params, batch->status);
    tq_params_bool(&params, batch->is_resetting_attempts);
    tq_params_int4(&params, batch->most);
    tq_params_int8(&params, batch->after_id);
    add_bound(&params, &batch->from);
    add_bound(&params, &batch->before);

    bool is_done = tq_session_query(session, TQ_QUERY_RETRY_MANY, &params, &rows, err);

    if (is_done) {
        *retried = tq_rows_int8(&rows, 0, RETRIED);
        if (!tq_rows_is_null(&rows, 0, LAST_ID))
            batch->after_id = tq_rows_int8(&rows, 0, LAST_ID);
        read_bound(&rows, FROM, &batch->from);
        read_bound(&rows, BEFORE, &batch->before);
    }
    tq_rows_clear(&rows);
    return is_done;
}

bool tq_operator_cleanup(struct tq_session *session, int64_t age_us, const char *status,
                         struct tq_step *step, struct tq_err *err)
{
    enum { MOST = 10000 };
    struct tq_params params = {0};
    struct tq_rows rows = {0};

    tq_params_int8(&params, age_us);
    tq_params_text(&params, status);
    tq_params_bool(&params, false);
    tq_params_int4(&params, MOST);

    bool is_done = tq_session_query(session, TQ_QUERY_CLEANUP, &params, &rows, err);

    if (is_done)
        tq_chore_read(&rows, step);
    tq_rows_clear(&rows);
    return is_done;
}
