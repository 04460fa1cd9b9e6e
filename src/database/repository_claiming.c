// SPDX-License-Identifier: MIT
//
// Finding and claiming tasks. Parameters in, columns out. Their order is that of the files in
// sql/queries/, each of which names the function here that calls it.
#include "database/repository.h"

#include <stddef.h>

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

static void add_lanes(struct tq_params *params, const struct tq_lane_cursor *lanes, size_t count)
{
    const struct tq_structs all = {lanes, sizeof *lanes, count};

    tq_params_column(params, TQ_ELEMENT_TEXT, &all, offsetof(struct tq_lane_cursor, type));
    tq_params_column(params, TQ_ELEMENT_INT2, &all, offsetof(struct tq_lane_cursor, priority));
    tq_params_column(params, TQ_ELEMENT_TIMESTAMPTZ, &all, offsetof(struct tq_lane_cursor, at));
    tq_params_column(params, TQ_ELEMENT_INT8, &all, offsetof(struct tq_lane_cursor, id));
}

void tq_repository_claim(struct tq_request *request, const struct tq_lane_cursor *lanes,
                         size_t count, int limit, int64_t worker_id)
{
    struct tq_params *params = tq_request_params(request);

    tq_params_int4(params, limit);
    add_lanes(params, lanes, count);
    tq_params_int8(params, worker_id);
    tq_request_send(request, TQ_QUERY_CLAIM);
}

void tq_repository_claim_found(struct tq_request *request, const struct tq_tid *places,
                               const int64_t *ids, size_t count, int64_t worker_id)
{
    struct tq_params *params = tq_request_params(request);

    tq_params_column(params, TQ_ELEMENT_TID, &(struct tq_structs){places, sizeof *places, count},
                     0);
    tq_params_int8s(params, ids, count);
    tq_params_int8(params, worker_id);
    tq_request_send(request, TQ_QUERY_CLAIM_FOUND);
}

void tq_repository_mark(struct tq_request *request, int promise_ms)
{
    tq_params_int4(tq_request_params(request), promise_ms);
    tq_request_send(request, TQ_QUERY_MARK);
}

void tq_repository_discover(struct tq_request *request, const struct tq_lane_gap *gaps,
                            size_t gap_count, const struct tq_lane_cursor *resting,
                            size_t resting_count)
{
    struct tq_params *params = tq_request_params(request);
    const struct tq_structs all = {gaps, sizeof *gaps, gap_count};

    tq_params_column(params, TQ_ELEMENT_TEXT, &all, offsetof(struct tq_lane_gap, type));
    tq_params_column(params, TQ_ELEMENT_INT4, &all, offsetof(struct tq_lane_gap, above));
    tq_params_column(params, TQ_ELEMENT_INT4, &all, offsetof(struct tq_lane_gap, below));
    add_lanes(params, resting, resting_count);
    tq_request_send(request, TQ_QUERY_DISCOVER);
}

void tq_repository_next_due(struct tq_request *request, const struct tq_lane_cursor *lanes,
                            size_t count)
{
    add_lanes(tq_request_params(request), lanes, count);
    tq_request_send(request, TQ_QUERY_NEXT_DUE);
}

void tq_repository_sweep(struct tq_request *request, const struct tq_lane_cursor *lanes,
                         size_t count, int64_t from, int64_t to, int limit)
{
    struct tq_params *params = tq_request_params(request);

    add_lanes(params, lanes, count);
    tq_params_int8(params, from);
    tq_params_int8(params, to);
    tq_params_int4(params, limit);
    tq_request_send(request, TQ_QUERY_SWEEP);
}

void tq_repository_ring_doorbell(struct tq_request *request, const char *const *types,
                                 size_t type_count, const struct tq_lane_cursor *lanes,
                                 size_t count, bool is_full, int64_t worker_id)
{
    struct tq_params *params = tq_request_params(request);

    tq_params_int8(params, worker_id);
    tq_params_texts(params, types, type_count);
    tq_params_bool(params, is_full);
    add_lanes(params, lanes, count);
    tq_request_send(request, TQ_QUERY_DOORBELL);
}

void tq_repository_echo(struct tq_request *request, const char *payload)
{
    tq_params_text(tq_request_params(request), payload);
    tq_request_send(request, TQ_QUERY_ECHO);
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
