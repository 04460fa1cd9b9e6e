// SPDX-License-Identifier: MIT
//
// Statements of the janitor.
#include "database/chore.h"

#include <string.h>

void tq_chore_read(const struct tq_rows *rows, struct tq_step *step)
{
    enum { COUNT, REMAINS };

    step->count = tq_rows_int8(rows, 0, COUNT);
    if (tq_rows_is_null(rows, 0, REMAINS))
        step->remains = TQ_REMAINS_NOTHING;
    else
        step->remains =
            strcmp(tq_rows_text(rows, 0, REMAINS), "more") == 0 ? TQ_REMAINS_MORE : TQ_REMAINS_BUSY;
}

void tq_chore_make_days(struct tq_connection *connection, struct tq_request *request)
{
    (void)tq_connection_params(connection); /* none */
    tq_connection_send(connection, request, TQ_QUERY_MAKE_DAYS);
}

void tq_chore_settle_days(struct tq_connection *connection, struct tq_request *request, int most)
{
    tq_params_int4(tq_connection_params(connection), most);
    tq_connection_send(connection, request, TQ_QUERY_SETTLE_DAYS);
}

void tq_chore_compact_counts(struct tq_connection *connection, struct tq_request *request, int most)
{
    tq_params_int4(tq_connection_params(connection), most);
    tq_connection_send(connection, request, TQ_QUERY_COMPACT_COUNTS);
}

void tq_chore_cleanup(struct tq_connection *connection, struct tq_request *request,
                      const char *status, int64_t age_us, int most)
{
    struct tq_params *params = tq_connection_params(connection);

    tq_params_int8(params, age_us);
    tq_params_text(params, status);
    tq_params_bool(params, true);
    tq_params_int4(params, most);
    tq_connection_send(connection, request, TQ_QUERY_CLEANUP);
}

void tq_chore_forget_workers(struct tq_connection *connection, struct tq_request *request)
{
    (void)tq_connection_params(connection); /* none */
    tq_connection_send(connection, request, TQ_QUERY_FORGET_WORKERS);
}
