// SPDX-License-Identifier: MIT
//
// Chore by chore, step by step.
#include "worker/janitor.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "database/chore.h"

enum {
    RETRY_MS = 60 * 1000, /* after a failure, or when somebody was in the way */
    PAUSE_FACTOR = 9,     /* between steps: a round takes a tenth of the time at most */
    LEAST_ROWS = 1000,
};

/* In the order of a round. Ages come before what has no day is moved, because it may be too old. */
enum chore {
    MAKE_DAYS,
    AGE_COMPLETED,
    AGE_FAILED,
    AGE_CANCELLED,
    SETTLE_DAYS,
    COMPACT_COUNTS,
    FORGET_WORKERS,
    CHORE_COUNT,
};

static const struct {
    const char *name, *done; /* done: what is logged when there was something to do, or NULL */
} chores[CHORE_COUNT] = {
    [MAKE_DAYS] = {"make days", NULL},
    [AGE_COMPLETED] = {"remove old completed tasks", "old completed tasks removed"},
    [AGE_FAILED] = {"remove old failed tasks", "old failed tasks removed"},
    [AGE_CANCELLED] = {"remove old cancelled tasks", "old cancelled tasks removed"},
    [SETTLE_DAYS] = {"move rows into their days", "rows without a day moved into theirs"},
    [COMPACT_COUNTS] = {"merge counters", NULL},
    [FORGET_WORKERS] = {"forget workers", NULL},
};

struct tq_janitor {
    struct tq_janitor_config config;
    uv_timer_t timer;
    struct tq_request request;
    bool has_begun, was_disturbed; /* disturbed: something of this round is left */
    enum chore chore;
    int64_t count; /* of the chore so far */
    int64_t sent_us;
};

static void on_timer(uv_timer_t *timer);

static void arm(struct tq_janitor *janitor, int64_t ms)
{
    (void)uv_timer_start(&janitor->timer, on_timer, (uint64_t)ms, 0); /* not null */
}

static void end_round(struct tq_janitor *janitor)
{
    int64_t wait_ms = janitor->config.interval_ms;

    if (janitor->was_disturbed && wait_ms > RETRY_MS)
        wait_ms = RETRY_MS;
    janitor->chore = MAKE_DAYS;
    janitor->was_disturbed = false;
    arm(janitor, wait_ms);
}

static void end_chore(struct tq_janitor *janitor)
{
    const char *done = chores[janitor->chore].done;

    if (janitor->count > 0 && done != NULL)
        tq_log(TQ_LOG_INFO, "janitor", done, "rows=%lld", (long long)janitor->count);
    janitor->count = 0;
    janitor->chore++;
}

/* True when the chore was sent; false when there is nothing of it to do. */
static bool send_aging(struct tq_janitor *janitor, const char *status, int64_t keep_ms, int most)
{
    if (keep_ms == TQ_FOREVER_MS)
        return false;
    tq_chore_cleanup(&janitor->request, status, keep_ms * 1000, most);
    return true;
}

static bool send_chore(struct tq_janitor *janitor)
{
    const struct tq_retention *retention = &janitor->config.retention;
    int64_t lease_ms = janitor->config.lease_ms;
    int most = lease_ms > LEAST_ROWS ? (int)lease_ms : LEAST_ROWS;

    switch (janitor->chore) {
    case MAKE_DAYS:
        tq_chore_make_days(&janitor->request);
        return true;
    case AGE_COMPLETED:
        return send_aging(janitor, "completed", retention->completed_ms, most);
    case AGE_FAILED:
        return send_aging(janitor, "failed", retention->failed_ms, most);
    case AGE_CANCELLED:
        return send_aging(janitor, "cancelled", retention->cancelled_ms, most);
    case SETTLE_DAYS:
        tq_chore_settle_days(&janitor->request, most);
        return true;
    case COMPACT_COUNTS:
        tq_chore_compact_counts(&janitor->request, most);
        return true;
    case FORGET_WORKERS:
        tq_chore_forget_workers(&janitor->request);
        return true;
    case CHORE_COUNT:
        break;
    }
    return false;
}

static void on_timer(uv_timer_t *timer)
{
    struct tq_janitor *janitor = timer->data;

    if (!tq_connection_is_ready(janitor->config.connection)) {
        janitor->was_disturbed = true;
        end_round(janitor);
        return;
    }
    janitor->sent_us = tq_clock_us();
    while (janitor->chore < CHORE_COUNT && !send_chore(janitor))
        end_chore(janitor);
    if (janitor->chore == CHORE_COUNT)
        end_round(janitor);
}

/* Of the refusals, a lock that was not to be had in time says only that somebody is busy. */
static void log_failure(const struct tq_janitor *janitor, const struct tq_err *err)
{
    if (err->domain != TQ_ERR_CONNECT && strcmp(err->sqlstate, "55P03") != 0)
        tq_log(TQ_LOG_WARN, "janitor", "a chore failed and is tried again later",
               "chore=%s error=%s", chores[janitor->chore].name, err->message);
}

static void on_step(struct tq_request *request, const struct tq_rows *rows,
                    const struct tq_err *err)
{
    struct tq_janitor *janitor = TQ_OWNER(request, struct tq_janitor, request);
    struct tq_step step = {.remains = TQ_REMAINS_BUSY};

    if (err != NULL)
        log_failure(janitor, err);
    else
        tq_chore_read(rows, &step);
    janitor->count += step.count;
    janitor->was_disturbed |= step.remains == TQ_REMAINS_BUSY;
    if (step.remains != TQ_REMAINS_MORE)
        end_chore(janitor);
    arm(janitor, (tq_clock_us() - janitor->sent_us) / 1000 * PAUSE_FACTOR + 1);
}

struct tq_janitor *tq_janitor_new(const struct tq_janitor_config *config)
{
    struct tq_janitor *janitor = tq_zalloc(sizeof *janitor);

    janitor->config = *config;
    janitor->request.connection = config->connection;
    janitor->request.on_done = on_step;
    (void)uv_timer_init(config->loop, &janitor->timer); /* always 0 */
    janitor->timer.data = janitor;
    return janitor;
}

void tq_janitor_begin(struct tq_janitor *janitor)
{
    if (!janitor->has_begun)
        arm(janitor, 0);
    janitor->has_begun = true;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void tq_janitor_close(struct tq_janitor *janitor)
{
    uv_close((uv_handle_t *)&janitor->timer, on_closed);
}
