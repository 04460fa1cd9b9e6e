// SPDX-License-Identifier: MIT
//
// Writing what the handlers are.
#include "worker/herald.h"

#include <stddef.h>

#include "base/log.h"
#include "worker/generation.h"

static void on_announced(struct tq_request *request, const struct tq_rows *rows,
                         const struct tq_err *err)
{
    struct tq_herald *herald =
        (struct tq_herald *)((char *)request - offsetof(struct tq_herald, request));

    (void)rows;
    herald->is_pending = false;
    if (err != NULL) {
        if (err->domain != TQ_ERR_CONNECT)
            tq_log(TQ_LOG_ERROR, "reload", "cannot tell others of the handlers", "error=%s",
                   err->message);
        herald->is_due = true; /* the next renewal of the lease is the next try */
        return;
    }
    tq_herald_catch_up(herald);
}

void tq_herald_catch_up(struct tq_herald *herald)
{
    const struct tq_generation *generation = *herald->generation;

    if (!herald->is_due || herald->is_pending || herald->worker_id == 0)
        return;
    herald->is_due = false;
    herald->is_pending = true;
    herald->request.on_done = on_announced;
    tq_repository_announce(herald->connection, &herald->request,
                           &(struct tq_announcement){.worker_id = herald->worker_id,
                                                     .types = generation->types,
                                                     .type_count = generation->type_count});
}

void tq_herald_announce(struct tq_herald *herald)
{
    herald->is_due = true;
    tq_herald_catch_up(herald);
}

void tq_herald_register(struct tq_herald *herald, int64_t worker_id)
{
    herald->worker_id = worker_id;
    if (*herald->generation != NULL && (*herald->generation)->number > 1)
        tq_herald_announce(herald);
}
