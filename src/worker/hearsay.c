// SPDX-License-Identifier: MIT
//
// Promising to hear, and reading the rows of what was heard.
#include "worker/hearsay.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "script/script.h"
#include "worker/events.h"
#include "worker/generation.h"

static void read_next(struct tq_hearsay *hearsay);

static bool is_wanted(const struct tq_hearsay *hearsay, enum tq_event_kind kind)
{
    return tq_events_wants(hearsay->events, kind);
}

/* ---- promising ---- */

static void on_promised(struct tq_request *request, const struct tq_rows *rows,
                        const struct tq_err *err)
{
    (void)request;
    (void)rows;
    if (err != NULL && err->domain != TQ_ERR_CONNECT)
        tq_log(TQ_LOG_ERROR, "listener", "new tasks cannot be listened to", "error=%s",
               err->message);
}

void tq_hearsay_promise(struct tq_hearsay *hearsay)
{
    if (hearsay->promise.is_pending || hearsay->is_ended || !is_wanted(hearsay, TQ_EVENT_CREATED))
        return;
    hearsay->promise.on_done = on_promised;
    tq_repository_hear(&hearsay->promise);
}

/* ---- reading ---- */

static void tell(struct tq_hearsay *hearsay, const struct tq_claimed *row,
                 const struct tq_rumour *rumour)
{
    const struct tq_handler *handler = tq_script_find((*hearsay->generation)->script, row->type);
    struct tq_task *task = tq_task_new(row, 0);

    task->max_attempts = tq_task_max_attempts(row->max_attempts, handler);
    if (rumour->kind == TQ_EVENT_FAILED) {
        task->settlement.verdict = rumour->will_retry ? TQ_VERDICT_REQUEUE : TQ_VERDICT_FAIL;
        task->settlement.settled.kind = rumour->error_kind;
        task->settlement.settled.error = rumour->error;
    }
    tq_events_tell(hearsay->events, task, rumour->kind);
}

static void tell_all_of(struct tq_hearsay *hearsay, const struct tq_claimed *row)
{
    for (size_t i = 0; i < hearsay->asked_count; i++) {
        if (hearsay->asked[i].id == row->id && is_wanted(hearsay, hearsay->asked[i].kind))
            tell(hearsay, row, &hearsay->asked[i]);
    }
}

static void on_read(struct tq_request *request, const struct tq_rows *rows,
                    const struct tq_err *err)
{
    struct tq_hearsay *hearsay = TQ_OWNER(request, struct tq_hearsay, reading);
    struct tq_claimed row;

    if (err != NULL) {
        if (err->domain != TQ_ERR_CONNECT)
            tq_log(TQ_LOG_ERROR, "listener", "tasks cannot be read: listeners are not told",
                   "error=%s", err->message);
        hearsay->waiting_count = 0;
        return;
    }
    for (size_t i = 0; i < tq_rows_count(rows); i++) {
        tq_repository_read_created(rows, i, &row);
        tell_all_of(hearsay, &row);
    }
    read_next(hearsay);
}

static void read_next(struct tq_hearsay *hearsay)
{
    size_t waiting = hearsay->waiting_count;
    size_t count = waiting < TQ_HEARSAY_BATCH ? waiting : TQ_HEARSAY_BATCH;
    int64_t ids[TQ_HEARSAY_BATCH];

    if (hearsay->reading.is_pending || count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        hearsay->asked[i] = hearsay->waiting[i];
        ids[i] = hearsay->waiting[i].id;
    }
    hearsay->asked_count = count;
    hearsay->waiting_count -= count;
    memmove(hearsay->waiting, hearsay->waiting + count,
            hearsay->waiting_count * sizeof *hearsay->waiting);
    hearsay->reading.on_done = on_read;
    tq_repository_created(&hearsay->reading, ids, count);
}

static void take(struct tq_hearsay *hearsay, const struct tq_rumour *rumour)
{
    if (hearsay->waiting_count < TQ_HEARSAY_MOST && !tq_events_is_full(hearsay->events)) {
        hearsay->waiting[hearsay->waiting_count++] = *rumour;
        return;
    }
    if (hearsay->dropped++ == 0)
        tq_log(TQ_LOG_WARN, "listener",
               "more is created than listeners can be told: some tasks are left out", "");
}

void tq_hearsay_take_created(struct tq_hearsay *hearsay, const char *ids)
{
    struct tq_rumour rumour = {.kind = TQ_EVENT_CREATED};
    char *end;

    if (hearsay->is_ended || !is_wanted(hearsay, TQ_EVENT_CREATED))
        return;
    while (*ids >= '0' && *ids <= '9') {
        rumour.id = strtoll(ids, &end, 10);
        take(hearsay, &rumour);
        ids = *end == ',' ? end + 1 : end;
    }
    read_next(hearsay);
}

void tq_hearsay_take_failed(struct tq_hearsay *hearsay, const struct tq_rumour *rumour)
{
    if (!is_wanted(hearsay, TQ_EVENT_FAILED))
        return;
    take(hearsay, rumour);
    read_next(hearsay);
}

void tq_hearsay_end(struct tq_hearsay *hearsay)
{
    hearsay->is_ended = true;
}

bool tq_hearsay_is_idle(const struct tq_hearsay *hearsay)
{
    return !hearsay->reading.is_pending && hearsay->waiting_count == 0;
}
