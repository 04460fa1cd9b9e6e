// SPDX-License-Identifier: MIT
//
// Workers and their leases, stale tasks. Parameters in, columns out. Their order is that of
// the files in sql/queries/, each of which names the function here that calls it.
#include "database/repository.h"

enum renewed_column {
    RENEWED_ID,
    RENEWED_SERVER,
    RENEWED_HAS_EXPIRED,
    RENEWED_NEXT_EXPIRY_US,
    RENEWED_FOLLOWED_MS,
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
    RUNNING_AGE_MS,
};

void tq_repository_register(struct tq_request *request, const struct tq_registration *registration)
{
    struct tq_params *params = tq_request_params(request);

    tq_params_int8(params, registration->id);
    tq_params_text(params, registration->name);
    tq_params_text(params, registration->host);
    tq_params_int4(params, registration->pid);
    tq_params_text(params, registration->version);
    tq_params_texts(params, registration->types, registration->type_count);
    tq_params_int8(params, registration->lease_ms * 1000);
    tq_request_send(request, TQ_QUERY_REGISTER);
}

void tq_repository_renew(struct tq_request *request, const int64_t *ids, size_t count,
                         int64_t lease_ms)
{
    struct tq_params *params = tq_request_params(request);

    tq_params_int8s(params, ids, count);
    tq_params_int8(params, lease_ms * 1000);
    tq_request_send(request, TQ_QUERY_RENEW);
}

void tq_repository_announce(struct tq_request *request, const struct tq_announcement *announcement)
{
    struct tq_params *params = tq_request_params(request);

    tq_params_int8(params, announcement->worker_id);
    tq_params_texts(params, announcement->types, announcement->type_count);
    tq_params_int4(params, announcement->generation);
    tq_params_int8(params, announcement->loaded_us);
    tq_params_text(params, announcement->error);
    tq_request_send(request, TQ_QUERY_ANNOUNCE);
}

void tq_repository_sign_off(struct tq_request *request, int64_t id)
{
    tq_params_int8(tq_request_params(request), id);
    tq_request_send(request, TQ_QUERY_SIGN_OFF);
}

void tq_repository_terminate(struct tq_request *request, const int32_t *backends, size_t count)
{
    struct tq_params *params = tq_request_params(request);

    tq_params_column(params, TQ_ELEMENT_INT4,
                     &(struct tq_structs){backends, sizeof *backends, count}, 0);
    tq_request_send(request, TQ_QUERY_TERMINATE);
}

void tq_repository_live_blocks(struct tq_request *request)
{
    (void)tq_request_params(request); /* none */
    tq_request_send(request, TQ_QUERY_LIVE_BLOCKS);
}

static void add_blocks(struct tq_params *params, uint32_t from, uint32_t to)
{
    tq_params_tid(params, (struct tq_tid){.block = from});
    tq_params_tid(params, (struct tq_tid){.block = to});
}

void tq_repository_stale(struct tq_request *request, uint32_t from, uint32_t to, int limit)
{
    struct tq_params *params = tq_request_params(request);

    add_blocks(params, from, to);
    tq_params_int4(params, limit);
    tq_request_send(request, TQ_QUERY_STALE);
}

void tq_repository_held(struct tq_request *request, uint32_t from, uint32_t to, int64_t worker_id)
{
    struct tq_params *params = tq_request_params(request);

    add_blocks(params, from, to);
    tq_params_int8(params, worker_id);
    tq_request_send(request, TQ_QUERY_HELD);
}

void tq_repository_remaining(struct tq_request *request, const char *const *types, size_t count,
                             bool with_future)
{
    struct tq_params *params = tq_request_params(request);

    tq_params_texts(params, types, count);
    tq_params_bool(params, with_future);
    tq_request_send(request, TQ_QUERY_REMAINING);
}

void tq_repository_cancel_requests(struct tq_request *request)
{
    (void)tq_request_params(request); /* none */
    tq_request_send(request, TQ_QUERY_CANCEL_REQUESTS);
}

void tq_repository_unhandled_types(struct tq_request *request, int most)
{
    tq_params_int4(tq_request_params(request), most);
    tq_request_send(request, TQ_QUERY_UNHANDLED_TYPES);
}

void tq_repository_read_registered(const struct tq_rows *rows, struct tq_renewal *renewal)
{
    enum { SERVER, FOLLOWED_MS };

    *renewal = (struct tq_renewal){
        .server = tq_rows_text(rows, 0, SERVER),
        .next_expiry_us = -1,
        .followed_ms = tq_rows_int8(rows, 0, FOLLOWED_MS),
    };
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
        renewal->followed_ms = tq_rows_int8(rows, row, RENEWED_FOLLOWED_MS);
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
    running->age_ms = tq_rows_int8(rows, row, RUNNING_AGE_MS);
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

const char *tq_repository_read_unhandled_type(const struct tq_rows *rows, size_t row)
{
    return tq_rows_text(rows, row, 0);
}
