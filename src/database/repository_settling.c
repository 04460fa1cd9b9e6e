// SPDX-License-Identifier: MIT
//
// Writing how tasks ended. Parameters in, columns out. Their order is that of the files in
// sql/queries/, each of which names the function here that calls it.
#include "database/repository.h"

#include <string.h>

enum place_column { PLACE_ID, PLACE_TID, PLACE_IS_LOCKED };

static void add_ids(struct tq_params *params, struct tq_settled *const *items, size_t count)
{
    tq_params_array(params, TQ_ELEMENT_INT8, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_int8(params, items[i]->id);
}

static void add_tids(struct tq_params *params, struct tq_settled *const *items, size_t count)
{
    tq_params_array(params, TQ_ELEMENT_TID, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_tid(params, items[i]->tid);
}

static void add_claims(struct tq_params *params, struct tq_settled *const *items, size_t count)
{
    tq_params_array(params, TQ_ELEMENT_INT4, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_int4(params, items[i]->claims);
}

static void add_workers(struct tq_params *params, struct tq_settled *const *items, size_t count)
{
    tq_params_array(params, TQ_ELEMENT_INT8, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_int8(params, items[i]->worker_id);
}

static void add_handed_back(struct tq_params *params, struct tq_settled *const *items, size_t count)
{
    tq_params_array(params, TQ_ELEMENT_BOOL, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_bool(params, items[i]->is_handed_back);
}

/* Of a member of struct tq_settled that is a text, by its offset; NULL is null. */
static void add_text(struct tq_params *params, struct tq_settled *const *items, size_t count,
                     size_t member)
{
    tq_params_array(params, TQ_ELEMENT_TEXT, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_text(params, *(const char *const *)((const char *)items[i] + member));
}

static void add_errors(struct tq_params *params, struct tq_settled *const *items, size_t count)
{
    add_text(params, items, count, offsetof(struct tq_settled, kind));
    add_text(params, items, count, offsetof(struct tq_settled, error));
    add_text(params, items, count, offsetof(struct tq_settled, traceback));
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

static void add_notes(struct tq_params *params, struct tq_settled *const *items, size_t count)
{
    tq_params_array(params, TQ_ELEMENT_JSONB, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_jsonb(params, items[i]->notes,
                             items[i]->notes != NULL ? strlen(items[i]->notes) : 0);
}

static void add_completed(struct tq_params *params, struct tq_settled *const *items, size_t count,
                          int64_t worker_id)
{
    add_ids(params, items, count);
    add_tids(params, items, count);
    add_claims(params, items, count);
    tq_params_array(params, TQ_ELEMENT_JSONB, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_jsonb(params, items[i]->result, items[i]->result_len);
    tq_params_int8(params, worker_id);
}

void tq_repository_complete(struct tq_connection *connection, struct tq_request *request,
                            struct tq_settled *const *items, size_t count, int64_t worker_id)
{
    add_completed(tq_connection_params(connection), items, count, worker_id);
    tq_connection_send(connection, request, TQ_QUERY_COMPLETE);
}

void tq_repository_complete_logged(struct tq_connection *connection, struct tq_request *request,
                                   struct tq_settled *const *items, size_t count, int64_t worker_id)
{
    struct tq_params *params = tq_connection_params(connection);

    add_completed(params, items, count, worker_id);
    add_notes(params, items, count);
    tq_connection_send(connection, request, TQ_QUERY_COMPLETE_LOGGED);
}

void tq_repository_progress(struct tq_connection *connection, struct tq_request *request,
                            const struct tq_progress_item *items, size_t count)
{
    struct tq_params *params = tq_connection_params(connection);

    tq_params_array(params, TQ_ELEMENT_INT8, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_int8(params, items[i].id);
    tq_params_array(params, TQ_ELEMENT_INT4, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_int4(params, items[i].claims);
    tq_params_array(params, TQ_ELEMENT_JSONB, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_jsonb(params, items[i].text, strlen(items[i].text));
    tq_connection_send(connection, request, TQ_QUERY_PROGRESS);
}

void tq_repository_fail(struct tq_connection *connection, struct tq_request *request,
                        struct tq_settled *const *items, size_t count)
{
    struct tq_params *params = tq_connection_params(connection);

    add_ids(params, items, count);
    add_tids(params, items, count);
    add_claims(params, items, count);
    add_workers(params, items, count);
    add_text(params, items, count, offsetof(struct tq_settled, status));
    add_handed_back(params, items, count);
    add_errors(params, items, count);
    add_max_attempts(params, items, count);
    add_notes(params, items, count);
    tq_connection_send(connection, request, TQ_QUERY_FAIL);
}

void tq_repository_requeue(struct tq_connection *connection, struct tq_request *request,
                           struct tq_settled *const *items, size_t count)
{
    struct tq_params *params = tq_connection_params(connection);

    add_ids(params, items, count);
    add_tids(params, items, count);
    add_claims(params, items, count);
    add_workers(params, items, count);
    tq_params_array(params, TQ_ELEMENT_INT8, count);
    for (size_t i = 0; i < count; i++) {
        if (items[i]->delay_us < 0)
            tq_params_item_null(params);
        else
            tq_params_item_int8(params, items[i]->delay_us);
    }
    add_handed_back(params, items, count);
    add_errors(params, items, count);
    add_notes(params, items, count);
    tq_connection_send(connection, request, TQ_QUERY_REQUEUE);
}

void tq_repository_locate(struct tq_connection *connection, struct tq_request *request,
                          struct tq_settled *const *items, size_t count)
{
    struct tq_params *params = tq_connection_params(connection);

    add_ids(params, items, count);
    add_claims(params, items, count);
    add_workers(params, items, count);
    tq_connection_send(connection, request, TQ_QUERY_LOCATE);
}

void tq_repository_written(struct tq_connection *connection, struct tq_request *request,
                           struct tq_settled *const *items, size_t count)
{
    struct tq_params *params = tq_connection_params(connection);

    add_ids(params, items, count);
    add_claims(params, items, count);
    add_workers(params, items, count);
    add_text(params, items, count, offsetof(struct tq_settled, kind));
    tq_connection_send(connection, request, TQ_QUERY_WRITTEN);
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
