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

void tq_chore_make_days(struct tq_request *request)
{
    (void)tq_request_params(request); /* none */
    tq_request_send(request, TQ_QUERY_MAKE_DAYS);
}

void tq_chore_settle_days(struct tq_request *request, int most)
{
    tq_params_int4(tq_request_params(request), most);
    tq_request_send(request, TQ_QUERY_SETTLE_DAYS);
}

void tq_chore_compact_counts(struct tq_request *request, int most)
{
    tq_params_int4(tq_request_params(request), most);
    tq_request_send(request, TQ_QUERY_COMPACT_COUNTS);
}

void tq_chore_cleanup(struct tq_request *request, const char *status, int64_t age_us, int most)
{
    struct tq_params *params = tq_request_params(request);

    tq_params_int8(params, age_us);
    tq_params_text(params, status);
    tq_params_bool(params, true);
    tq_params_int4(params, most);
    tq_request_send(request, TQ_QUERY_CLEANUP);
}

void tq_chore_forget_workers(struct tq_request *request)
{
    (void)tq_request_params(request); /* none */
    tq_request_send(request, TQ_QUERY_FORGET_WORKERS);
}
