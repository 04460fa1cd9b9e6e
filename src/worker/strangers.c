// SPDX-License-Identifier: MIT
//
// Looking, and remembering what was told.
#include "worker/strangers.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

enum {
    MOST = 1000,      /* types a look, the first ones by name */
    MOST_TOLD = 1000, /* types remembered; further ones are not told while these are fresh */
};

#define AGAIN_US INT64_C(3600000000)

struct told {
    char *type;
    int64_t at_us; /* tq_clock_us() */
};

struct tq_strangers {
    struct tq_strangers_config config;
    uv_timer_t timer;
    struct tq_request request;
    bool is_pending;
    struct told told[MOST_TOLD];
    size_t count;
    int64_t told_more_us; /* that there are further ones; tq_clock_us(), 0: not yet */
};

static void forget_old(struct tq_strangers *strangers, int64_t now_us)
{
    size_t kept = 0;

    for (size_t i = 0; i < strangers->count; i++) {
        if (now_us - strangers->told[i].at_us < AGAIN_US)
            strangers->told[kept++] = strangers->told[i];
        else
            free(strangers->told[i].type);
    }
    strangers->count = kept;
}

static bool was_told(const struct tq_strangers *strangers, const char *type)
{
    for (size_t i = 0; i < strangers->count; i++) {
        if (strcmp(strangers->told[i].type, type) == 0)
            return true;
    }
    return false;
}

static void tell(struct tq_strangers *strangers, const char *type, int64_t now_us)
{
    if (was_told(strangers, type))
        return;
    tq_log(TQ_LOG_WARN, "worker", "tasks wait for a handler that no live worker has", "type=%s",
           type);
    strangers->told[strangers->count++] = (struct told){tq_strdup(type), now_us};
}

static void tell_more(struct tq_strangers *strangers, int64_t now_us)
{
    if (strangers->told_more_us != 0 && now_us - strangers->told_more_us < AGAIN_US)
        return;
    tq_log(TQ_LOG_WARN, "worker", "tasks of further types wait for a handler; not all are told",
           "told=%zu", strangers->count);
    strangers->told_more_us = now_us;
}

static void on_types(struct tq_request *request, const struct tq_rows *rows,
                     const struct tq_err *err)
{
    struct tq_strangers *strangers =
        (struct tq_strangers *)((char *)request - offsetof(struct tq_strangers, request));
    int64_t now_us = tq_clock_us();

    strangers->is_pending = false;
    if (err != NULL) {
        if (err->domain != TQ_ERR_CONNECT)
            tq_log(TQ_LOG_WARN, "worker", "cannot look for types without a handler", "error=%s",
                   err->message);
        return;
    }
    forget_old(strangers, now_us);
    for (size_t i = 0; i < tq_rows_count(rows) && strangers->count < MOST_TOLD; i++)
        tell(strangers, tq_repository_read_unhandled_type(rows, i), now_us);
    if (tq_rows_count(rows) > MOST)
        tell_more(strangers, now_us);
}

static void on_timer(uv_timer_t *timer)
{
    struct tq_strangers *strangers = timer->data;

    if (strangers->is_pending || !tq_connection_is_ready(strangers->config.connection))
        return;
    strangers->is_pending = true;
    tq_repository_unhandled_types(&strangers->request,
                                  MOST + 1); /* one more tells that there are more */
}

struct tq_strangers *tq_strangers_new(const struct tq_strangers_config *config)
{
    struct tq_strangers *strangers = tq_zalloc(sizeof *strangers);
    uint64_t interval_ms = (uint64_t)config->interval_ms;

    strangers->config = *config;
    strangers->request.connection = config->connection;
    strangers->request.on_done = on_types;
    (void)uv_timer_init(config->loop, &strangers->timer); /* always 0 */
    strangers->timer.data = strangers;
    (void)uv_timer_start(&strangers->timer, on_timer, interval_ms, interval_ms); /* not null */
    return strangers;
}

static void on_closed(uv_handle_t *timer)
{
    struct tq_strangers *strangers = timer->data;

    for (size_t i = 0; i < strangers->count; i++)
        free(strangers->told[i].type);
    free(strangers);
}

void tq_strangers_close(struct tq_strangers *strangers)
{
    uv_close((uv_handle_t *)&strangers->timer, on_closed);
}
