// SPDX-License-Identifier: MIT
//
// One sweep after the other.
#include "worker/sweeper.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "worker/lanes.h"
#include "worker/refusal.h"

#define WHOLE INT64_MAX                  /* a slice without a lower end */
#define OLDEST (-TQ_PG_EPOCH_US)         /* 1970: slices that would reach further back are whole */
#define WIDEST INT64_C(1000000000000000) /* 30 years */

enum {
    MAX_FOUND = 1000,
    SHARE = 20,       /* a twentieth of the time */
    SLOW_US = 200000, /* a slice that takes longer is too wide */
    LEAST_WIDTH_US = 1000000,
    RETRY_MS = 1000,
};

struct tq_sweeper {
    struct tq_sweeper_config config;
    uv_timer_t timer;
    struct tq_request request;
    int64_t width_us, to; /* of the next slice; to INT64_MAX: a new sweep */
    int64_t from;         /* of the slice under way */
    struct tq_refusal refusal;
    int64_t sent_us, spent_us;
    struct tq_tid places[MAX_FOUND];
    int64_t ids[MAX_FOUND];
};

static void on_slice(struct tq_request *request, const struct tq_rows *rows,
                     const struct tq_err *err);

static void send_slice(struct tq_sweeper *sweeper)
{
    size_t count;
    const struct tq_lane_cursor *lanes =
        tq_lanes_all(tq_claimer_lanes(sweeper->config.claimer), &count);
    int64_t newest = TQ_PG_TIME_MIN;

    for (size_t i = 0; i < count; i++) {
        if (lanes[i].at > newest)
            newest = lanes[i].at;
    }
    if (sweeper->to > newest)
        sweeper->to = newest;
    sweeper->from = sweeper->width_us == WHOLE || sweeper->to < OLDEST + sweeper->width_us
                        ? TQ_PG_TIME_MIN
                        : sweeper->to - sweeper->width_us;
    sweeper->sent_us = tq_clock_us();
    tq_repository_sweep(&sweeper->request, lanes, count, sweeper->from, sweeper->to, MAX_FOUND);
}

static void on_timer(uv_timer_t *timer)
{
    send_slice(timer->data);
}

static void arm(struct tq_sweeper *sweeper, int64_t ms)
{
    (void)uv_timer_start(&sweeper->timer, on_timer, (uint64_t)ms, 0); /* not null */
}

struct tq_sweeper *tq_sweeper_new(const struct tq_sweeper_config *config)
{
    struct tq_sweeper *sweeper = tq_zalloc(sizeof *sweeper);

    sweeper->config = *config;
    sweeper->width_us = WHOLE;
    sweeper->to = INT64_MAX;
    sweeper->request.connection = config->connection;
    sweeper->request.on_done = on_slice;
    (void)uv_timer_init(config->loop, &sweeper->timer); /* always 0 */
    sweeper->timer.data = sweeper;
    arm(sweeper, config->interval_ms);
    return sweeper;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void tq_sweeper_close(struct tq_sweeper *sweeper)
{
    uv_close((uv_handle_t *)&sweeper->timer, on_closed);
}

static void end_sweep(struct tq_sweeper *sweeper)
{
    int64_t pause_ms = sweeper->spent_us / 1000 * SHARE;

    sweeper->to = INT64_MAX;
    sweeper->spent_us = 0;
    arm(sweeper, pause_ms > sweeper->config.interval_ms ? pause_ms : sweeper->config.interval_ms);
}

/* Wider while slices are quick, narrower when one was slow or was stopped by its time limit. */
static void adapt(struct tq_sweeper *sweeper, int64_t took_us)
{
    if (took_us < SLOW_US / 4 && sweeper->width_us < WHOLE)
        sweeper->width_us = sweeper->width_us > WIDEST ? WHOLE : sweeper->width_us * 2;
    else if (took_us > SLOW_US && sweeper->width_us == WHOLE)
        sweeper->width_us = LEAST_WIDTH_US * 64;
    else if (took_us > SLOW_US && sweeper->width_us > LEAST_WIDTH_US)
        sweeper->width_us /= 2;
}

static void on_slice(struct tq_request *request, const struct tq_rows *rows,
                     const struct tq_err *err)
{
    struct tq_sweeper *sweeper = TQ_OWNER(request, struct tq_sweeper, request);
    int64_t took_us = tq_clock_us() - sweeper->sent_us;
    bool is_too_slow = err != NULL && strcmp(err->sqlstate, "57014") == 0;

    if (uv_is_closing((uv_handle_t *)&sweeper->timer))
        return;
    if (err != NULL && !is_too_slow) {
        if (tq_refusal_is_news(&sweeper->refusal, sweeper->config.connection, err))
            tq_log(TQ_LOG_ERROR, "sweeper", "cannot look behind the cursors", "error=%s",
                   err->message);
        arm(sweeper, RETRY_MS);
        return;
    }
    tq_refusal_forget(&sweeper->refusal);
    sweeper->spent_us += took_us;
    adapt(sweeper, took_us);
    if (is_too_slow && sweeper->width_us > LEAST_WIDTH_US) {
        arm(sweeper, 1); /* the same end, and narrower */
        return;
    }

    size_t count = is_too_slow ? 0 : tq_rows_count(rows); /* the narrowest slice is passed over */

    for (size_t i = 0; i < count; i++)
        tq_repository_read_found(rows, i, &sweeper->places[i], &sweeper->ids[i]);
    if (count > 0)
        tq_claimer_found(sweeper->config.claimer, sweeper->places, sweeper->ids, count);
    sweeper->to = sweeper->from;
    if (sweeper->from == TQ_PG_TIME_MIN)
        end_sweep(sweeper);
    else
        arm(sweeper, 1);
}
