// SPDX-License-Identifier: MIT
//
// What events need of the database. Parameters in, columns out. Their order is that of the files in
// sql/queries/, each of which names the function here that calls it.
#include "database/repository.h"

enum created_column {
    CREATED_ID,
    CREATED_TYPE,
    CREATED_PAYLOAD,
    CREATED_PRIORITY,
    CREATED_ATTEMPTS,
    CREATED_MAX_ATTEMPTS,
    CREATED_CLAIMS,
    CREATED_SCHEDULED_AT,
    CREATED_CREATED_AT,
};

void tq_repository_hear(struct tq_request *request)
{
    (void)tq_request_params(request); /* none */
    tq_request_send(request, TQ_QUERY_HEAR);
}

void tq_repository_created(struct tq_request *request, const int64_t *ids, size_t count)
{
    tq_params_int8s(tq_request_params(request), ids, count);
    tq_request_send(request, TQ_QUERY_CREATED);
}

void tq_repository_publish(struct tq_request *request, const char *const *texts, size_t count)
{
    tq_params_texts(tq_request_params(request), texts, count);
    tq_request_send(request, TQ_QUERY_PUBLISH);
}

void tq_repository_read_created(const struct tq_rows *rows, size_t row, struct tq_claimed *created)
{
    bool has_max = !tq_rows_is_null(rows, row, CREATED_MAX_ATTEMPTS);

    *created = (struct tq_claimed){
        .id = tq_rows_int8(rows, row, CREATED_ID),
        .type = tq_rows_text(rows, row, CREATED_TYPE),
        .priority = tq_rows_int2(rows, row, CREATED_PRIORITY),
        .scheduled_at = tq_rows_int8(rows, row, CREATED_SCHEDULED_AT),
        .created_at = tq_rows_int8(rows, row, CREATED_CREATED_AT),
        .claims = tq_rows_int4(rows, row, CREATED_CLAIMS),
        .attempts = tq_rows_int4(rows, row, CREATED_ATTEMPTS),
        .max_attempts = has_max ? tq_rows_int4(rows, row, CREATED_MAX_ATTEMPTS) : 0,
    };
    created->payload = tq_rows_jsonb(rows, row, CREATED_PAYLOAD, &created->payload_len);
}
