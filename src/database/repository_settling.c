// SPDX-License-Identifier: MIT
//
// Writing how tasks ended. Parameters in, columns out. Their order is that of the files in
// sql/queries/, each of which names the function here that calls it.
#include "database/repository.h"

#include <stddef.h>

enum place_column { PLACE_ID, PLACE_TID, PLACE_IS_LOCKED };

/* Parameters are columns of `items`: a member of each. */
#define ADD(element, member)                                                                       \
    tq_params_column(params, TQ_ELEMENT_##element, &(struct tq_structs){items, 0, count},          \
                     offsetof(struct tq_settled, member))

static void add_errors(struct tq_params *params, struct tq_settled *const *items, size_t count)
{
    ADD(TEXT, kind);
    ADD(TEXT, error);
    ADD(TEXT, traceback);
}

static void add_max_attempts(struct tq_params *params, struct tq_settled *const *items,
                             size_t count)
{
    tq_params_array(params, TQ_ELEMENT_INT4, count);
    for (size_t i = 0; i < count; i++) {
        if (items[i]->max_attempts == 0)
            tq_params_item_null(params);
        else
            tq_params_item_int4(params, items[i]->max_attempts);
    }
}

static void add_completed(struct tq_params *params, struct tq_settled *const *items, size_t count)
{
    ADD(INT8, id);
    ADD(TID, tid);
    ADD(INT4, claims);
    tq_params_array(params, TQ_ELEMENT_JSONB, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_jsonb(params, items[i]->result, items[i]->result_len);
    tq_params_int8(params, items[0]->worker_id);
}

void tq_repository_complete(struct tq_request *request, struct tq_settled *const *items,
                            size_t count)
{
    add_completed(tq_request_params(request), items, count);
    tq_request_send(request, TQ_QUERY_COMPLETE);
}

void tq_repository_complete_logged(struct tq_request *request, struct tq_settled *const *items,
                                   size_t count)
{
    struct tq_params *params = tq_request_params(request);

    add_completed(params, items, count);
    ADD(JSONB, notes);
    tq_request_send(request, TQ_QUERY_COMPLETE_LOGGED);
}

void tq_repository_progress(struct tq_request *request, const struct tq_progress_item *items,
                            size_t count)
{
    struct tq_params *params = tq_request_params(request);
    const struct tq_structs all = {items, sizeof *items, count};

    tq_params_column(params, TQ_ELEMENT_INT8, &all, offsetof(struct tq_progress_item, id));
    tq_params_column(params, TQ_ELEMENT_INT4, &all, offsetof(struct tq_progress_item, claims));
    tq_params_column(params, TQ_ELEMENT_JSONB, &all, offsetof(struct tq_progress_item, text));
    tq_request_send(request, TQ_QUERY_PROGRESS);
}

void tq_repository_fail(struct tq_request *request, struct tq_settled *const *items, size_t count)
{
    struct tq_params *params = tq_request_params(request);

    ADD(INT8, id);
    ADD(TID, tid);
    ADD(INT4, claims);
    ADD(INT8, worker_id);
    ADD(TEXT, status);
    ADD(BOOL, is_handed_back);
    add_errors(params, items, count);
    add_max_attempts(params, items, count);
    ADD(JSONB, notes);
    tq_request_send(request, TQ_QUERY_FAIL);
}

void tq_repository_requeue(struct tq_request *request, struct tq_settled *const *items,
                           size_t count)
{
    struct tq_params *params = tq_request_params(request);

    ADD(INT8, id);
    ADD(TID, tid);
    ADD(INT4, claims);
    ADD(INT8, worker_id);
    tq_params_array(params, TQ_ELEMENT_INT8, count);
    for (size_t i = 0; i < count; i++) {
        if (items[i]->delay_us < 0)
            tq_params_item_null(params);
        else
            tq_params_item_int8(params, items[i]->delay_us);
    }
    ADD(BOOL, is_handed_back);
    add_errors(params, items, count);
    ADD(JSONB, notes);
    tq_request_send(request, TQ_QUERY_REQUEUE);
}

void tq_repository_locate(struct tq_request *request, struct tq_settled *const *items, size_t count)
{
    struct tq_params *params = tq_request_params(request);

    ADD(INT8, id);
    ADD(INT4, claims);
    ADD(INT8, worker_id);
    tq_request_send(request, TQ_QUERY_LOCATE);
}

void tq_repository_written(struct tq_request *request, struct tq_settled *const *items,
                           size_t count)
{
    struct tq_params *params = tq_request_params(request);

    ADD(INT8, id);
    ADD(INT4, claims);
    ADD(INT8, worker_id);
    ADD(TEXT, kind);
    tq_request_send(request, TQ_QUERY_WRITTEN);
}

bool tq_repository_read_is_written(const struct tq_rows *rows, int64_t id)
{
    for (size_t row = 0; row < tq_rows_count(rows); row++) {
        if (tq_rows_int8(rows, row, 0) == id)
            return true;
    }
    return false;
}

bool tq_repository_read_all_done(const struct tq_rows *rows)
{
    return tq_rows_is_null(rows, 0, 0);
}

bool tq_repository_read_is_done(const struct tq_rows *rows, int64_t id)
{
    size_t count;

    if (tq_repository_read_all_done(rows))
        return true;
    (void)tq_rows_int8_item(rows, 0, 0, 0, &count); /* only the count is wanted */
    for (size_t n = 0; n < count; n++) {
        if (tq_rows_int8_item(rows, 0, 0, n, &count) == id)
            return true;
    }
    return false;
}

bool tq_repository_read_place(const struct tq_rows *rows, int64_t id, struct tq_tid *tid,
                              bool *is_locked)
{
    for (size_t row = 0; row < tq_rows_count(rows); row++) {
        if (tq_rows_int8(rows, row, PLACE_ID) != id)
            continue;
        *tid = tq_rows_tid(rows, row, PLACE_TID);
        *is_locked = tq_rows_bool(rows, row, PLACE_IS_LOCKED);
        return true;
    }
    return false;
}
