// SPDX-License-Identifier: MIT
//
// Writing what the handlers are.
#include "worker/herald.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "worker/generation.h"

static void on_announced(struct tq_request *request, const struct tq_rows *rows,
                         const struct tq_err *err)
{
    struct tq_herald *herald = TQ_OWNER(request, struct tq_herald, request);

    (void)rows;
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

    if (!herald->is_due || herald->request.is_pending || herald->worker_id == 0)
        return;

    const struct tq_announcement announcement = {
        .worker_id = herald->worker_id,
        .types = generation->types,
        .type_count = generation->type_count,
        .generation = generation->number,
        .loaded_us = tq_clock_us() - generation->loaded_us,
        .error = herald->error,
    };

    herald->is_due = false;
    herald->request.on_done = on_announced;
    tq_repository_announce(&herald->request, &announcement);
}

void tq_herald_announce(struct tq_herald *herald)
{
    herald->is_due = true;
    tq_herald_catch_up(herald);
}

/* PostgreSQL takes no other text than UTF-8; scripts and names of files may be anything. */
static void make_storable(char *text)
{
    char *end = text + strlen(text);

    while (text < end) {
        size_t width = tq_utf8_width(text, end);

        if (width == 0)
            *text = '?';
        text += width > 0 ? width : 1;
    }
}

void tq_herald_set_error(struct tq_herald *herald, const char *error)
{
    free(herald->error);
    herald->error = error != NULL ? tq_strdup(error) : NULL;
    if (error != NULL)
        make_storable(herald->error);
    tq_herald_announce(herald);
}

void tq_herald_deinit(struct tq_herald *herald)
{
    free(herald->error);
}

void tq_herald_register(struct tq_herald *herald, int64_t worker_id)
{
    herald->worker_id = worker_id;
    if ((*herald->generation)->number > 1 || herald->error != NULL)
        tq_herald_announce(herald);
}
