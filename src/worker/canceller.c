// SPDX-License-Identifier: MIT
//
// Reading cancel requests.
#include "worker/canceller.h"

#include "base/log.h"
#include "base/memory.h"

static void on_requests(struct tq_request *request, const struct tq_rows *rows,
                        const struct tq_err *err)
{
    struct tq_canceller *canceller = TQ_OWNER(request, struct tq_canceller, request);

    if (err != NULL) {
        if (err->domain != TQ_ERR_CONNECT)
            tq_log(TQ_LOG_ERROR, "canceller", "cannot read the requests to cancel", "error=%s",
                   err->message);
        return; /* the next renewal asks again */
    }
    for (size_t row = 0; row < tq_rows_count(rows); row++) {
        int64_t id;
        int32_t claims;

        tq_repository_read_cancel_request(rows, row, &id, &claims);
        tq_dispatcher_cancel(canceller->dispatcher, id, claims);
    }
    if (canceller->wants_more)
        tq_canceller_look(canceller);
}

void tq_canceller_look(struct tq_canceller *canceller)
{
    canceller->wants_more = canceller->request.is_pending;
    if (canceller->request.is_pending)
        return;
    canceller->request.on_done = on_requests;
    tq_repository_cancel_requests(&canceller->request);
}
