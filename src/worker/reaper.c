// SPDX-License-Identifier: MIT
//
// Scanning the live partition, slice by slice.
#include "worker/reaper.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "script/script.h"
#include "worker/dispatcher.h"
#include "worker/generation.h"
#include "worker/hearsay.h"

enum {
    SLICE_BLOCKS = 256,
    SLICE_ROWS = 20000,
    PAUSE_FACTOR = 9, /* between slices: a look takes a tenth of the time at most */
};

enum scan { NO_SCAN, STALE, HELD };

struct tq_reaper {
    struct tq_reaper_config config;
    uv_timer_t timer;
    struct tq_request request;
    enum scan scan;
    bool wants_look, wants_recovery;
    int64_t worker_id;
    int64_t block, blocks; /* the next one to read, and their number; -1: not asked yet */
    int64_t sent_us, looked_us;
    size_t pending;
};

struct rescue {                      /* a settlement of somebody else's task */
    struct tq_settlement settlement; /* first */
    char *type;
};

static void advance(struct tq_reaper *reaper);

static void on_timer(uv_timer_t *timer)
{
    struct tq_reaper *reaper = timer->data;

    if (tq_clock_us() - reaper->looked_us >= reaper->config.check_interval_ms * 1000)
        reaper->wants_look = true;
    advance(reaper);
}

static void arm(struct tq_reaper *reaper, int64_t us)
{
    (void)uv_timer_start(&reaper->timer, on_timer, (uint64_t)(us + 999) / 1000, 0); /* not null */
}

struct tq_reaper *tq_reaper_new(const struct tq_reaper_config *config)
{
    struct tq_reaper *reaper = tq_zalloc(sizeof *reaper);

    reaper->config = *config;
    reaper->request.connection = config->connection;
    (void)uv_timer_init(config->loop, &reaper->timer); /* always 0 */
    reaper->timer.data = reaper;
    return reaper;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void tq_reaper_close(struct tq_reaper *reaper)
{
    uv_close((uv_handle_t *)&reaper->timer, on_closed);
}

void tq_reaper_look(struct tq_reaper *reaper)
{
    reaper->wants_look = true;
    advance(reaper);
}

void tq_reaper_recover(struct tq_reaper *reaper, int64_t worker_id)
{
    if (reaper->wants_recovery || reaper->scan == HELD)
        return;
    reaper->worker_id = worker_id;
    reaper->wants_recovery = true;
    advance(reaper);
}

/* ---- rescuing ---- */

static void tell_failed(struct tq_reaper *reaper, const struct rescue *rescue)
{
    const struct tq_settlement *settlement = &rescue->settlement;
    const struct tq_settled *settled = &settlement->settled;
    bool is_final = settlement->verdict == TQ_VERDICT_FAIL;
    const struct tq_rumour rumour = {
        .id = settled->id,
        .kind = TQ_EVENT_FAILED,
        .will_retry = !is_final,
        .error_kind = settled->kind,
        .error =
            settlement->own_error != NULL ? "the database refused the outcome" : settled->error,
    };

    tq_hearsay_take_failed(reaper->config.hearsay, &rumour);
    tq_log(TQ_LOG_WARN, "reaper", is_final ? "stale task failed" : "stale task rescued",
           "task=%lld type=%s worker=%lld", (long long)settled->id, rescue->type,
           (long long)settled->worker_id);
}

static void on_settled(struct tq_settlement *settlement, bool is_written)
{
    struct rescue *rescue = (struct rescue *)settlement;
    struct tq_reaper *reaper = settlement->owner;

    if (--reaper->pending == 0 && reaper->wants_look)
        arm(reaper, 1000); /* what is being rescued is not to be found again */
    if (is_written && settlement->settled.kind != NULL)
        tell_failed(reaper, rescue);
    if (is_written)
        tq_claimer_wake(reaper->config.claimer);
    free(settlement->own_error);
    free(rescue->type);
    free(rescue);
}

static const struct tq_handler *find_handler(const struct tq_reaper *reaper,
                                             const struct tq_running *running)
{
    return tq_script_find((*reaper->config.generation)->script, running->type);
}

/* INT_MAX when only a worker that has the handler can tell: it fails what has no attempts left. */
static int max_attempts(const struct tq_reaper *reaper, const struct tq_running *running)
{
    const struct tq_handler *handler = find_handler(reaper, running);

    if (running->max_attempts == 0 && handler == NULL)
        return INT_MAX;
    return tq_task_max_attempts(running->max_attempts, handler);
}

static bool is_too_old(const struct tq_reaper *reaper, const struct tq_running *running)
{
    const struct tq_handler *handler = find_handler(reaper, running);

    return handler != NULL && handler->max_age_ms > 0 && running->age_ms > handler->max_age_ms;
}

static void fail(struct tq_settlement *settlement)
{
    settlement->verdict = TQ_VERDICT_FAIL;
    settlement->settled.status = "failed";
}

static void rescue(struct tq_reaper *reaper, const struct tq_running *running)
{
    struct rescue *made = tq_zalloc(sizeof *made);
    struct tq_settlement *settlement = &made->settlement;
    struct tq_settled *settled = &settlement->settled;

    made->type = tq_strdup(running->type);
    settled->id = running->id;
    settled->tid = running->tid;
    settled->claims = running->claims;
    settled->worker_id = running->worker_id;
    settlement->owner = reaper;
    settlement->on_settled = on_settled;
    settlement->verdict = TQ_VERDICT_REQUEUE;
    if (reaper->scan == HELD) {
        settled->delay_us = -1;
        settled->is_handed_back = true;
    } else {
        settled->kind = "lease expired";
        settled->error = "the worker that ran this task is gone";
        if (running->attempts >= max_attempts(reaper, running)) {
            fail(settlement);
            settled->max_attempts = max_attempts(reaper, running);
        } else if (is_too_old(reaper, running)) {
            fail(settlement);
            settled->kind = "max age";
            settled->error = "the worker that ran this task is gone; not retried: it was created "
                             "longer ago than its handler's max_age";
        }
    }
    reaper->pending++;
    tq_settler_add(reaper->config.settler, settlement);
}

/* ---- scanning ---- */

static void end_scan(struct tq_reaper *reaper)
{
    bool was_recovery = reaper->scan == HELD;

    reaper->scan = NO_SCAN;
    if (was_recovery)
        tq_claimer_recovered(reaper->config.claimer, reaper->worker_id);
    advance(reaper);
}

static void on_slice(struct tq_request *request, const struct tq_rows *rows,
                     const struct tq_err *err)
{
    struct tq_reaper *reaper = TQ_OWNER(request, struct tq_reaper, request);
    struct tq_running running;
    int64_t took_us = tq_clock_us() - reaper->sent_us;

    if (err != NULL) {
        if (err->domain != TQ_ERR_CONNECT)
            tq_log(TQ_LOG_ERROR, "reaper", "cannot look for stale tasks", "error=%s", err->message);
        reaper->wants_recovery |= reaper->scan == HELD;
        reaper->wants_look |= reaper->scan == STALE;
        reaper->scan = NO_SCAN;
        arm(reaper, 1000000);
        return;
    }
    if (reaper->blocks < 0) {
        reaper->blocks = tq_repository_read_blocks(rows);
    } else {
        for (size_t row = 0; row < tq_rows_count(rows); row++) {
            tq_repository_read_running(rows, row, &running);
            if (reaper->scan == STALE ||
                !tq_dispatcher_holds(reaper->config.dispatcher, running.id, running.claims))
                rescue(reaper, &running);
        }
        reaper->block += SLICE_BLOCKS;
    }
    if (reaper->block >= reaper->blocks)
        end_scan(reaper);
    else if (reaper->scan == HELD || reaper->wants_recovery)
        advance(reaper); /* claims wait for it */
    else
        arm(reaper, took_us * PAUSE_FACTOR);
}

static void begin_scan(struct tq_reaper *reaper, enum scan scan)
{
    reaper->scan = scan;
    reaper->block = 0;
    reaper->blocks = -1;
}

/* Sends the next slice, or begins what is wanted, or waits for the next check. */
static void advance(struct tq_reaper *reaper)
{
    if (reaper->request.is_pending)
        return;
    if (reaper->scan != HELD &&
        reaper->wants_recovery) { /* claims wait for it; a look begins anew */
        reaper->wants_look |= reaper->scan == STALE;
        reaper->wants_recovery = false;
        begin_scan(reaper, HELD);
    } else if (reaper->scan == NO_SCAN && reaper->wants_look && reaper->pending == 0) {
        reaper->wants_look = false;
        reaper->looked_us = tq_clock_us();
        begin_scan(reaper, STALE);
    } else if (reaper->scan == NO_SCAN) {
        arm(reaper, reaper->config.check_interval_ms * 1000);
        return;
    }

    uint32_t from = (uint32_t)reaper->block, to = from + SLICE_BLOCKS;

    reaper->sent_us = tq_clock_us();
    reaper->request.on_done = on_slice;
    if (reaper->blocks < 0)
        tq_repository_live_blocks(&reaper->request);
    else if (reaper->scan == HELD)
        tq_repository_held(&reaper->request, from, to, reaper->worker_id);
    else
        tq_repository_stale(&reaper->request, from, to, SLICE_ROWS);
}
