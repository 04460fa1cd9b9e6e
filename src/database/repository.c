// SPDX-License-Identifier: MIT
//
// Parameters in, columns out. The order of parameters and columns is that of the files in
// sql/queries/, each of which names the function here that calls it.
#include "database/repository.h"

enum claimed_column {
    CLAIMED_ID,
    CLAIMED_TID,
    CLAIMED_TYPE,
    CLAIMED_PRIORITY,
    CLAIMED_SCHEDULED_AT,
    CLAIMED_CREATED_AT,
    CLAIMED_CLAIMS,
    CLAIMED_ATTEMPTS,
    CLAIMED_MAX_ATTEMPTS,
    CLAIMED_PAYLOAD,
    CLAIMED_SNAPSHOT,
    CLAIMED_CLOCK,
    CLAIMED_XID,
    CLAIMED_LOCKED,
};
enum mark_column { MARK_CLOCK, MARK_XID, MARK_PROMISE };
enum lane_column { LANE_TYPE, LANE_PRIORITY };
enum found_column { FOUND_TID, FOUND_ID };
enum place_column { PLACE_ID, PLACE_TID, PLACE_IS_LOCKED };
enum renewed_column {
    RENEWED_ID,
    RENEWED_SERVER,
    RENEWED_HAS_EXPIRED,
    RENEWED_NEXT_EXPIRY_US,
};
enum cancel_request_column { CANCEL_REQUEST_ID, CANCEL_REQUEST_CLAIMS };
enum running_column {
    RUNNING_ID,
    RUNNING_TID,
    RUNNING_CLAIMS,
    RUNNING_WORKER_ID,
    RUNNING_TYPE,
    RUNNING_ATTEMPTS,
    RUNNING_MAX_ATTEMPTS,
};

/* ---- claiming ---- */

static void add_texts(struct tq_params *params, const char *const *texts, size_t count)
{
    tq_params_array(params, TQ_ELEMENT_TEXT, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_text(params, texts[i]);
}

static void add_lanes(struct tq_params *params, const struct tq_lane_cursor *lanes, size_t count)
{
    tq_params_array(params, TQ_ELEMENT_TEXT, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_text(params, lanes[i].type);
    tq_params_array(params, TQ_ELEMENT_INT2, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_int2(params, lanes[i].priority);
    tq_params_array(params, TQ_ELEMENT_TIMESTAMPTZ, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_int8(params, lanes[i].at);
    tq_params_array(params, TQ_ELEMENT_INT8, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_int8(params, lanes[i].id);
}

void tq_repository_claim(struct tq_connection *connection, struct tq_request *request,
                         const struct tq_lane_cursor *lanes, size_t count, int limit,
                         int64_t worker_id)
{
    struct tq_params *params = tq_connection_params(connection);

    tq_params_int4(params, limit);
    add_lanes(params, lanes, count);
    tq_params_int8(params, worker_id);
    tq_connection_send(connection, request, TQ_QUERY_CLAIM);
}

void tq_repository_claim_found(struct tq_connection *connection, struct tq_request *request,
                               const struct tq_tid *places, const int64_t *ids, size_t count,
                               int64_t worker_id)
{
    struct tq_params *params = tq_connection_params(connection);

    tq_params_array(params, TQ_ELEMENT_TID, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_tid(params, places[i]);
    tq_params_array(params, TQ_ELEMENT_INT8, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_int8(params, ids[i]);
    tq_params_int8(params, worker_id);
    tq_connection_send(connection, request, TQ_QUERY_CLAIM_FOUND);
}

void tq_repository_mark(struct tq_connection *connection, struct tq_request *request,
                        int promise_ms)
{
    tq_params_int4(tq_connection_params(connection), promise_ms);
    tq_connection_send(connection, request, TQ_QUERY_MARK);
}

void tq_repository_discover(struct tq_connection *connection, struct tq_request *request,
                            const struct tq_lane_gap *gaps, size_t gap_count,
                            const struct tq_lane_cursor *resting, size_t resting_count)
{
    struct tq_params *params = tq_connection_params(connection);

    tq_params_array(params, TQ_ELEMENT_TEXT, gap_count);
    for (size_t i = 0; i < gap_count; i++)
        tq_params_item_text(params, gaps[i].type);
    tq_params_array(params, TQ_ELEMENT_INT4, gap_count);
    for (size_t i = 0; i < gap_count; i++)
        tq_params_item_int4(params, gaps[i].above);
    tq_params_array(params, TQ_ELEMENT_INT4, gap_count);
    for (size_t i = 0; i < gap_count; i++)
        tq_params_item_int4(params, gaps[i].below);
    add_lanes(params, resting, resting_count);
    tq_connection_send(connection, request, TQ_QUERY_DISCOVER);
}

void tq_repository_next_due(struct tq_connection *connection, struct tq_request *request,
                            const struct tq_lane_cursor *lanes, size_t count)
{
    add_lanes(tq_connection_params(connection), lanes, count);
    tq_connection_send(connection, request, TQ_QUERY_NEXT_DUE);
}

void tq_repository_sweep(struct tq_connection *connection, struct tq_request *request,
                         const struct tq_lane_cursor *lanes, size_t count, int64_t from, int64_t to,
                         int limit)
{
    struct tq_params *params = tq_connection_params(connection);

    add_lanes(params, lanes, count);
    tq_params_int8(params, from);
    tq_params_int8(params, to);
    tq_params_int4(params, limit);
    tq_connection_send(connection, request, TQ_QUERY_SWEEP);
}

void tq_repository_ring_doorbell(struct tq_connection *connection, struct tq_request *request,
                                 const char *const *types, size_t type_count,
                                 const struct tq_lane_cursor *lanes, size_t count, bool is_full,
                                 int64_t worker_id)
{
    struct tq_params *params = tq_connection_params(connection);

    tq_params_int8(params, worker_id);
    add_texts(params, types, type_count);
    tq_params_bool(params, is_full);
    add_lanes(params, lanes, count);
    tq_connection_send(connection, request, TQ_QUERY_DOORBELL);
}

bool tq_repository_read_claimed(const struct tq_rows *rows, size_t row, struct tq_claimed *claimed,
                                struct tq_claim_moment *moment)
{
    if (tq_rows_is_null(rows, row, CLAIMED_ID)) {
        moment->snapshot = tq_rows_text(rows, row, CLAIMED_SNAPSHOT);
        moment->clock = tq_rows_int8(rows, row, CLAIMED_CLOCK);
        moment->locked = tq_rows_int8(rows, row, CLAIMED_LOCKED);
        moment->xid =
            tq_rows_is_null(rows, row, CLAIMED_XID) ? 0 : tq_rows_int8(rows, row, CLAIMED_XID);
        return false;
    }
    claimed->id = tq_rows_int8(rows, row, CLAIMED_ID);
    claimed->tid = tq_rows_tid(rows, row, CLAIMED_TID);
    claimed->type = tq_rows_text(rows, row, CLAIMED_TYPE);
    claimed->priority = tq_rows_int2(rows, row, CLAIMED_PRIORITY);
    claimed->scheduled_at = tq_rows_int8(rows, row, CLAIMED_SCHEDULED_AT);
    claimed->created_at = tq_rows_int8(rows, row, CLAIMED_CREATED_AT);
    claimed->claims = tq_rows_int4(rows, row, CLAIMED_CLAIMS);
    claimed->attempts = tq_rows_int4(rows, row, CLAIMED_ATTEMPTS);
    claimed->max_attempts = tq_rows_is_null(rows, row, CLAIMED_MAX_ATTEMPTS)
                                ? 0
                                : tq_rows_int4(rows, row, CLAIMED_MAX_ATTEMPTS);
    claimed->payload = tq_rows_jsonb(rows, row, CLAIMED_PAYLOAD, &claimed->payload_len);
    return true;
}

void tq_repository_read_mark(const struct tq_rows *rows, struct tq_claim_moment *moment)
{
    moment->snapshot = NULL;
    moment->clock = tq_rows_int8(rows, 0, MARK_CLOCK);
    moment->xid = tq_rows_int8(rows, 0, MARK_XID);
    moment->has_promised = !tq_rows_is_null(rows, 0, MARK_PROMISE);
}

void tq_repository_read_lane(const struct tq_rows *rows, size_t row, const char **type,
                             int16_t *priority)
{
    *type = tq_rows_text(rows, row, LANE_TYPE);
    *priority = tq_rows_int2(rows, row, LANE_PRIORITY);
}

int64_t tq_repository_read_next_due_us(const struct tq_rows *rows)
{
    return tq_rows_is_null(rows, 0, 0) ? -1 : tq_rows_int8(rows, 0, 0);
}

void tq_repository_read_found(const struct tq_rows *rows, size_t row, struct tq_tid *place,
                              int64_t *id)
{
    *place = tq_rows_tid(rows, row, FOUND_TID);
    *id = tq_rows_int8(rows, row, FOUND_ID);
}

/* ---- settling ---- */

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

static void add_errors(struct tq_params *params, struct tq_settled *const *items, size_t count)
{
    tq_params_array(params, TQ_ELEMENT_TEXT, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_text(params, items[i]->kind);
    tq_params_array(params, TQ_ELEMENT_TEXT, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_text(params, items[i]->error);
    tq_params_array(params, TQ_ELEMENT_TEXT, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_text(params, items[i]->traceback);
}

void tq_repository_complete(struct tq_connection *connection, struct tq_request *request,
                            struct tq_settled *const *items, size_t count, int64_t worker_id)
{
    struct tq_params *params = tq_connection_params(connection);

    add_ids(params, items, count);
    add_tids(params, items, count);
    add_claims(params, items, count);
    tq_params_array(params, TQ_ELEMENT_JSONB, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_jsonb(params, items[i]->result, items[i]->result_len);
    tq_params_int8(params, worker_id);
    tq_connection_send(connection, request, TQ_QUERY_COMPLETE);
}

void tq_repository_fail(struct tq_connection *connection, struct tq_request *request,
                        struct tq_settled *const *items, size_t count)
{
    struct tq_params *params = tq_connection_params(connection);

    add_ids(params, items, count);
    add_tids(params, items, count);
    add_claims(params, items, count);
    add_workers(params, items, count);
    tq_params_array(params, TQ_ELEMENT_TEXT, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_text(params, items[i]->status);
    add_handed_back(params, items, count);
    add_errors(params, items, count);
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

/* ---- workers, stale tasks, days ---- */

void tq_repository_register(struct tq_connection *connection, struct tq_request *request,
                            const struct tq_registration *registration)
{
    struct tq_params *params = tq_connection_params(connection);

    tq_params_int8(params, registration->id);
    tq_params_text(params, registration->name);
    tq_params_text(params, registration->host);
    tq_params_int4(params, registration->pid);
    tq_params_text(params, registration->version);
    add_texts(params, registration->types, registration->type_count);
    tq_params_int8(params, registration->lease_ms * 1000);
    tq_connection_send(connection, request, TQ_QUERY_REGISTER);
}

void tq_repository_renew(struct tq_connection *connection, struct tq_request *request,
                         const int64_t *ids, size_t count, int64_t lease_ms)
{
    struct tq_params *params = tq_connection_params(connection);

    tq_params_array(params, TQ_ELEMENT_INT8, count);
    for (size_t i = 0; i < count; i++)
        tq_params_item_int8(params, ids[i]);
    tq_params_int8(params, lease_ms * 1000);
    tq_connection_send(connection, request, TQ_QUERY_RENEW);
}

void tq_repository_sign_off(struct tq_connection *connection, struct tq_request *request,
                            int64_t id)
{
    tq_params_int8(tq_connection_params(connection), id);
    tq_connection_send(connection, request, TQ_QUERY_SIGN_OFF);
}

void tq_repository_forget_workers(struct tq_connection *connection, struct tq_request *request)
{
    (void)tq_connection_params(connection); /* none */
    tq_connection_send(connection, request, TQ_QUERY_FORGET_WORKERS);
}

void tq_repository_live_blocks(struct tq_connection *connection, struct tq_request *request)
{
    (void)tq_connection_params(connection); /* none */
    tq_connection_send(connection, request, TQ_QUERY_LIVE_BLOCKS);
}

static void add_blocks(struct tq_params *params, uint32_t from, uint32_t to)
{
    tq_params_tid(params, (struct tq_tid){.block = from});
    tq_params_tid(params, (struct tq_tid){.block = to});
}

void tq_repository_stale(struct tq_connection *connection, struct tq_request *request,
                         uint32_t from, uint32_t to, int limit)
{
    struct tq_params *params = tq_connection_params(connection);

    add_blocks(params, from, to);
    tq_params_int4(params, limit);
    tq_connection_send(connection, request, TQ_QUERY_STALE);
}

void tq_repository_held(struct tq_connection *connection, struct tq_request *request, uint32_t from,
                        uint32_t to, int64_t worker_id)
{
    struct tq_params *params = tq_connection_params(connection);

    add_blocks(params, from, to);
    tq_params_int8(params, worker_id);
    tq_connection_send(connection, request, TQ_QUERY_HELD);
}

void tq_repository_remaining(struct tq_connection *connection, struct tq_request *request,
                             const char *const *types, size_t count, bool with_future)
{
    struct tq_params *params = tq_connection_params(connection);

    add_texts(params, types, count);
    tq_params_bool(params, with_future);
    tq_connection_send(connection, request, TQ_QUERY_REMAINING);
}

void tq_repository_cancel_requests(struct tq_connection *connection, struct tq_request *request)
{
    (void)tq_connection_params(connection); /* none */
    tq_connection_send(connection, request, TQ_QUERY_CANCEL_REQUESTS);
}

void tq_repository_make_days(struct tq_connection *connection, struct tq_request *request)
{
    (void)tq_connection_params(connection); /* none */
    tq_connection_send(connection, request, TQ_QUERY_MAKE_DAYS);
}

const char *tq_repository_read_server(const struct tq_rows *rows)
{
    return tq_rows_text(rows, 0, 0);
}

bool tq_repository_read_renewed(const struct tq_rows *rows, int64_t id, struct tq_renewal *renewal)
{
    for (size_t row = 0; row < tq_rows_count(rows); row++) {
        if (tq_rows_int8(rows, row, RENEWED_ID) != id)
            continue;
        renewal->server = tq_rows_text(rows, row, RENEWED_SERVER);
        renewal->has_expired = tq_rows_bool(rows, row, RENEWED_HAS_EXPIRED);
        renewal->next_expiry_us = tq_rows_is_null(rows, row, RENEWED_NEXT_EXPIRY_US)
                                      ? -1
                                      : tq_rows_int8(rows, row, RENEWED_NEXT_EXPIRY_US);
        return true;
    }
    return false;
}

int64_t tq_repository_read_blocks(const struct tq_rows *rows)
{
    return tq_rows_int8(rows, 0, 0);
}

void tq_repository_read_running(const struct tq_rows *rows, size_t row, struct tq_running *running)
{
    running->id = tq_rows_int8(rows, row, RUNNING_ID);
    running->tid = tq_rows_tid(rows, row, RUNNING_TID);
    running->claims = tq_rows_int4(rows, row, RUNNING_CLAIMS);
    running->worker_id = tq_rows_int8(rows, row, RUNNING_WORKER_ID);
    running->type = tq_rows_text(rows, row, RUNNING_TYPE);
    running->attempts = tq_rows_int4(rows, row, RUNNING_ATTEMPTS);
    running->max_attempts = tq_rows_is_null(rows, row, RUNNING_MAX_ATTEMPTS)
                                ? 0
                                : tq_rows_int4(rows, row, RUNNING_MAX_ATTEMPTS);
}

void tq_repository_read_cancel_request(const struct tq_rows *rows, size_t row, int64_t *id,
                                       int32_t *claims)
{
    *id = tq_rows_int8(rows, row, CANCEL_REQUEST_ID);
    *claims = tq_rows_int4(rows, row, CANCEL_REQUEST_CLAIMS);
}

bool tq_repository_read_remaining(const struct tq_rows *rows)
{
    return tq_rows_bool(rows, 0, 0);
}
