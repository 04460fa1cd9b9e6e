// SPDX-License-Identifier: MIT
//
// Two statements an hour.
#include "worker/janitor.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

enum { FIRST_MS = 5000, EVERY_MS = 3600 * 1000, RETRY_MS = 60 * 1000 };

struct tq_janitor {
    struct tq_connection *connection;
    uv_timer_t timer;
    struct tq_request days, workers;
};

static void on_timer(uv_timer_t *timer);

static void answered(struct tq_janitor *janitor, const char *what, const struct tq_err *err)
{
    if (uv_is_closing((uv_handle_t *)&janitor->timer))
        return;
    if (err != NULL)
        (void)uv_timer_start(&janitor->timer, on_timer, RETRY_MS, EVERY_MS); /* not null */
    if (err != NULL && err->domain != TQ_ERR_CONNECT)
        tq_log(TQ_LOG_WARN, "janitor", "a chore failed and is tried again in a minute",
               "chore=%s error=%s", what, err->message);
}

static void on_days(struct tq_request *request, const struct tq_rows *rows,
                    const struct tq_err *err)
{
    (void)rows; /* how many were made is of no interest */
    answered((struct tq_janitor *)((char *)request - offsetof(struct tq_janitor, days)),
             "make_days", err);
}

static void on_workers(struct tq_request *request, const struct tq_rows *rows,
                       const struct tq_err *err)
{
    (void)rows; /* there are none */
    answered((struct tq_janitor *)((char *)request - offsetof(struct tq_janitor, workers)),
             "forget_workers", err);
}

static void on_timer(uv_timer_t *timer)
{
    struct tq_janitor *janitor = timer->data;

    if (tq_connection_pending(janitor->connection) > 8)
        return; /* it is in trouble; the next hour will do */
    tq_repository_make_days(janitor->connection, &janitor->days);
    tq_repository_forget_workers(janitor->connection, &janitor->workers);
}

struct tq_janitor *tq_janitor_new(uv_loop_t *loop, struct tq_connection *connection)
{
    struct tq_janitor *janitor = tq_zalloc(sizeof *janitor);

    janitor->connection = connection;
    janitor->days.on_done = on_days;
    janitor->workers.on_done = on_workers;
    (void)uv_timer_init(loop, &janitor->timer); /* always 0 */
    janitor->timer.data = janitor;
    (void)uv_timer_start(&janitor->timer, on_timer, FIRST_MS, EVERY_MS); /* not null */
    return janitor;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void tq_janitor_close(struct tq_janitor *janitor)
{
    uv_close((uv_handle_t *)&janitor->timer, on_closed);
}
