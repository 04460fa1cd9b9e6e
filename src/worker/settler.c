// SPDX-License-Identifier: MIT
//
// Batches of settlements on their way into the database.
#include "worker/settler.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

enum {
    MAX_BATCH = 4096,
    MAX_BATCH_BYTES = 8 << 20, /* of results and errors; one item may be more */
    LOCKED_RETRY_MS = 50,
    REFUSED_RETRY_MS = 1000,
};

/* What sends the statement of each verdict. */
static void (*const writers[TQ_VERDICT_COUNT])(struct tq_request *request,
                                               struct tq_settled *const *items, size_t count) = {
    [TQ_VERDICT_COMPLETE] = tq_repository_complete,
    [TQ_VERDICT_COMPLETE_LOGGED] = tq_repository_complete_logged,
    [TQ_VERDICT_FAIL] = tq_repository_fail,
    [TQ_VERDICT_REQUEUE] = tq_repository_requeue,
};

struct list {
    struct tq_settlement *first, **last;
};

/* The statement of one verdict, and what it writes. */
struct batch {
    struct tq_request request;
    struct tq_settler *settler;
    struct list queued;
    size_t limit; /* halved when data are refused, doubled when a batch went through */
    struct tq_settled *items[MAX_BATCH]; /* in flight; each is the first member of its settlement */
    size_t count;
    bool is_locating; /* the request asks where the items are, after a miss or a lock */
    bool is_flowing;  /* the newest answer was that items were written */
};

/* Settlements that are asked about apart, so that nobody waits for them: those that were locked by
   somebody else, and those that may have been written. */
struct aside {
    struct tq_request request; /* first */
    struct tq_settler *settler;
    void (*ask)(struct tq_request *request, struct tq_settled *const *items, size_t count);
    struct list list;
    struct tq_settled *items[MAX_BATCH]; /* being asked about */
    size_t count;
};

struct tq_settler {
    struct tq_connection *connection;
    struct batch batches[TQ_VERDICT_COUNT];
    int in_flight; /* batches whose request has not been answered */
    struct aside locked, unsure;
    uv_timer_t timer;  /* asks about them, and flushes again after a refusal */
    bool is_held_back; /* until the timer: the server refuses writes */
    size_t pending;
};

static void on_written(struct tq_request *request, const struct tq_rows *rows,
                       const struct tq_err *err);
static void on_locked_located(struct tq_request *request, const struct tq_rows *rows,
                              const struct tq_err *err);
static void on_unsure_answered(struct tq_request *request, const struct tq_rows *rows,
                               const struct tq_err *err);

static void list_init(struct list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static void list_append(struct list *list, struct tq_settlement *settlement)
{
    settlement->next = NULL;
    *list->last = settlement;
    list->last = &settlement->next;
}

static void list_prepend(struct list *list, struct tq_settlement *settlement)
{
    settlement->next = list->first;
    if (list->first == NULL)
        list->last = &settlement->next;
    list->first = settlement;
}

static struct tq_settlement *list_take(struct list *list)
{
    struct tq_settlement *first = list->first;

    list->first = first->next;
    if (list->first == NULL)
        list->last = &list->first;
    return first;
}

static struct tq_settlement *settlement_of(struct tq_settled *settled)
{
    return (struct tq_settlement *)settled; /* it is the first member */
}

struct tq_settler *tq_settler_new(uv_loop_t *loop, struct tq_connection *connection)
{
    struct tq_settler *settler = tq_zalloc(sizeof *settler);

    settler->connection = connection;
    list_init(&settler->locked.list);
    list_init(&settler->unsure.list);
    settler->locked.settler = settler->unsure.settler = settler;
    settler->locked.request.connection = settler->unsure.request.connection = connection;
    settler->locked.ask = tq_repository_locate;
    settler->unsure.ask = tq_repository_written;
    settler->locked.request.on_done = on_locked_located;
    settler->unsure.request.on_done = on_unsure_answered;
    (void)uv_timer_init(loop, &settler->timer); /* always 0 */
    settler->timer.data = settler;
    for (int i = 0; i < TQ_VERDICT_COUNT; i++) {
        struct batch *batch = &settler->batches[i];

        batch->settler = settler;
        batch->limit = MAX_BATCH;
        batch->request.connection = connection;
        batch->request.on_done = on_written;
        list_init(&batch->queued);
    }
    return settler;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void tq_settler_add(struct tq_settler *settler, struct tq_settlement *settlement)
{
    list_append(&settler->batches[settlement->verdict].queued, settlement);
    settler->pending++;
}

size_t tq_settler_pending(const struct tq_settler *settler)
{
    return settler->pending;
}

size_t tq_settler_flowing(const struct tq_settler *settler)
{
    size_t in_flight = 0;

    for (int i = 0; i < TQ_VERDICT_COUNT; i++)
        in_flight += settler->batches[i].is_flowing ? settler->batches[i].count : 0;
    return settler->pending < 2 * in_flight ? settler->pending : 2 * in_flight;
}

static void settle(struct tq_settler *settler, struct tq_settlement *settlement, bool is_written)
{
    settler->pending--;
    settlement->on_settled(settlement, is_written);
}

static void drop_from(struct tq_settler *settler, struct list *list,
                      bool (*is_lost)(const struct tq_settlement *settlement, void *arg), void *arg)
{
    struct list all = *list;

    if (all.first == NULL)
        return;
    list_init(list);
    while (all.first != NULL) {
        struct tq_settlement *settlement = all.first;

        all.first = settlement->next;
        if (is_lost(settlement, arg))
            settle(settler, settlement, false);
        else
            list_append(list, settlement);
    }
}

void tq_settler_drop(struct tq_settler *settler,
                     bool (*is_lost)(const struct tq_settlement *settlement, void *arg), void *arg)
{
    for (int i = 0; i < TQ_VERDICT_COUNT; i++)
        drop_from(settler, &settler->batches[i].queued, is_lost, arg);
    drop_from(settler, &settler->locked.list, is_lost, arg);
    drop_from(settler, &settler->unsure.list, is_lost, arg);
}

static bool is_any(const struct tq_settlement *settlement, void *arg)
{
    (void)settlement;
    (void)arg;
    return true;
}

/* A worker that leaves holds nothing, but may have found a stale task while it signed off. */
void tq_settler_close(struct tq_settler *settler)
{
    tq_settler_drop(settler, is_any, NULL);
    uv_close((uv_handle_t *)&settler->timer, on_closed);
}

/* ---- flushing ---- */

static size_t bytes_of(const struct tq_settled *settled)
{
    return settled->result_len + (settled->error != NULL ? strlen(settled->error) : 0) +
           (settled->traceback != NULL ? strlen(settled->traceback) : 0) +
           (settled->notes != NULL ? strlen(settled->notes) : 0);
}

/* Items of one worker id: complete.sql takes one for the whole batch. */
static void fill(struct batch *batch)
{
    size_t bytes = 0;

    batch->count = 0;
    while (batch->queued.first != NULL && batch->count < batch->limit) {
        const struct tq_settled *next = &batch->queued.first->settled;

        bytes += bytes_of(next);
        if (batch->count > 0 &&
            (next->worker_id != batch->items[0]->worker_id || bytes > MAX_BATCH_BYTES))
            break;
        batch->items[batch->count++] = &list_take(&batch->queued)->settled;
    }
}

void tq_settler_flush(struct tq_settler *settler)
{
    if (settler->in_flight > 0 || settler->is_held_back ||
        !tq_connection_is_ready(settler->connection))
        return;
    for (int i = 0; i < TQ_VERDICT_COUNT; i++) {
        struct batch *batch = &settler->batches[i];

        fill(batch);
        if (batch->count == 0)
            continue;
        settler->in_flight++;
        batch->is_locating = false;
        writers[i](&batch->request, batch->items, batch->count);
    }
}

/* Unless there is nothing to ask, or an answer is on its way. */
static void ask_about(struct tq_settler *settler, struct aside *aside)
{
    if (aside->count > 0 || aside->list.first == NULL ||
        !tq_connection_is_ready(settler->connection))
        return;
    while (aside->list.first != NULL && aside->count < MAX_BATCH)
        aside->items[aside->count++] = &list_take(&aside->list)->settled;
    aside->ask(&aside->request, aside->items, aside->count);
}

static void on_timer(uv_timer_t *timer)
{
    struct tq_settler *settler = timer->data;

    settler->is_held_back = false;
    ask_about(settler, &settler->locked);
    ask_about(settler, &settler->unsure);
    tq_settler_flush(settler);
}

static void try_later(struct tq_settler *settler, int delay_ms)
{
    (void)uv_timer_start(&settler->timer, on_timer, (uint64_t)delay_ms, 0); /* not null */
}

/* ---- answers ---- */

/* The whole batch, in its order, before what is queued. */
static void put_back(struct batch *batch)
{
    for (size_t i = batch->count; i > 0; i--)
        list_prepend(&batch->queued, settlement_of(batch->items[i - 1]));
    batch->count = 0;
}

static void finish_batch(struct batch *batch)
{
    struct tq_settler *settler = batch->settler;

    batch->count = 0;
    settler->in_flight--;
    tq_settler_flush(settler);
}

static void locate(struct batch *batch)
{
    batch->is_locating = true;
    tq_repository_locate(&batch->request, batch->items, batch->count);
}

/* Those that were written are settled; the others stay in the batch, to be located. */
static void take_written(struct batch *batch, const struct tq_rows *rows)
{
    size_t left = 0, count = batch->count;
    bool is_all = tq_repository_read_all_done(rows);

    batch->is_flowing = true;
    if (batch->limit < MAX_BATCH)
        batch->limit = batch->limit * 2 < MAX_BATCH ? batch->limit * 2 : MAX_BATCH;
    for (size_t i = 0; i < count; i++) {
        struct tq_settled *item = batch->items[i];

        if (is_all || tq_repository_read_is_done(rows, item->id))
            settle(batch->settler, settlement_of(item), true);
        else
            batch->items[left++] = item;
    }
    batch->count = left;
    if (left > 0)
        locate(batch);
    else
        finish_batch(batch);
}

/* It does not run under this claim any more. That may be our own doing, or its handler's; a task
   that was given back left no trace that would tell. */
static void miss(struct tq_settler *settler, struct tq_settlement *settlement)
{
    bool is_traced = settlement->verdict == TQ_VERDICT_COMPLETE || settlement->settled.kind != NULL;

    if ((settlement->is_unsure && is_traced) || settlement->is_undecided)
        list_append(&settler->unsure.list, settlement);
    else
        settle(settler, settlement, false);
}

/* Where each item is now: queued again, set aside, or lost. */
static void sort_located(struct tq_settler *settler, struct tq_settled *const *items, size_t count,
                         const struct tq_rows *rows)
{
    for (size_t i = 0; i < count; i++) {
        struct tq_settlement *settlement = settlement_of(items[i]);
        bool is_locked = false;

        if (!tq_repository_read_place(rows, settlement->settled.id, &settlement->settled.tid,
                                      &is_locked))
            miss(settler, settlement);
        else if (is_locked)
            list_append(&settler->locked.list, settlement);
        else
            list_append(&settler->batches[settlement->verdict].queued, settlement);
    }
    if (settler->locked.list.first != NULL)
        try_later(settler, LOCKED_RETRY_MS);
    ask_about(settler, &settler->unsure);
}

static void take_places(struct batch *batch, const struct tq_rows *rows)
{
    sort_located(batch->settler, batch->items, batch->count, rows);
    finish_batch(batch);
}

/* The question was not answered: it is asked again. */
static void put_aside_again(struct aside *aside, size_t count)
{
    for (size_t i = 0; i < count; i++)
        list_append(&aside->list, settlement_of(aside->items[i]));
    try_later(aside->settler, REFUSED_RETRY_MS);
}

static void on_locked_located(struct tq_request *request, const struct tq_rows *rows,
                              const struct tq_err *err)
{
    struct aside *aside = (struct aside *)request; /* it is the first member */
    size_t count = aside->count;

    aside->count = 0;
    if (err != NULL) {
        put_aside_again(aside, count);
        return;
    }
    sort_located(aside->settler, aside->items, count, rows);
    tq_settler_flush(aside->settler);
}

static void on_unsure_answered(struct tq_request *request, const struct tq_rows *rows,
                               const struct tq_err *err)
{
    struct aside *aside = (struct aside *)request; /* it is the first member */
    size_t count = aside->count;

    aside->count = 0;
    if (err != NULL) {
        put_aside_again(aside, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct tq_settlement *settlement = settlement_of(aside->items[i]);

        /* What was asked, for want of a kind, is whether it is completed. */
        if (settlement->is_undecided)
            settlement->verdict = TQ_VERDICT_COMPLETE;
        settle(aside->settler, settlement,
               tq_repository_read_is_written(rows, settlement->settled.id));
    }
    ask_about(aside->settler, aside);
}

/* One item whose data the server refuses. What it said goes; then its own data go, the server's
   message stays; when even that is refused, a constant; and if that is, the task is given up, to
   run out with the lease. */
static void take_culprit(struct batch *batch, const struct tq_err *err)
{
    struct tq_settlement *culprit = settlement_of(batch->items[0]);

    batch->count = 0;
    tq_log(TQ_LOG_ERROR, "settler", "the database refuses how a task ended", "task=%lld error=%s",
           (long long)culprit->settled.id, err->message);
    culprit->settled.notes = NULL;
    if (culprit->verdict == TQ_VERDICT_COMPLETE_LOGGED) { /* perhaps it is only what it said */
        culprit->verdict = TQ_VERDICT_COMPLETE;
        list_append(&batch->settler->batches[culprit->verdict].queued, culprit);
        return;
    }
    if (culprit->refusals >= 2) {
        settle(batch->settler, culprit, false);
        return;
    }
    free(culprit->own_error);
    culprit->own_error = culprit->refusals++ == 0
                             ? tq_format("the database refused the outcome: %s", err->message)
                             : tq_strdup("the database refused the outcome");
    culprit->settled.error = culprit->own_error;
    culprit->settled.traceback = NULL;
    if (culprit->verdict == TQ_VERDICT_COMPLETE) {
        culprit->settled.kind = "result";
        culprit->settled.status = "failed";
        culprit->verdict = TQ_VERDICT_FAIL;
    }
    list_append(&batch->settler->batches[culprit->verdict].queued, culprit);
}

/* A statement that was sent may have been carried out. */
static void mark_unsure(struct batch *batch)
{
    for (size_t i = 0; i < batch->count && !batch->is_locating; i++)
        settlement_of(batch->items[i])->is_unsure = true;
}

static bool has_class(const struct tq_err *err, const char *class)
{
    return strncmp(err->sqlstate, class, 2) == 0;
}

/* The next one is half as large: too much at once is a reason to time out, and to lose a
 * connection. */
static void halve(struct batch *batch)
{
    batch->limit = batch->count > 1 ? batch->count / 2 : 1;
}

/* The clock was set back to a time that taskq.settle_days is moving: the row has a place soon. */
static bool is_being_moved(const struct tq_err *err)
{
    return strcmp(err->sqlstate, "23514") == 0 &&
           strstr(err->message, "rows_move_to_their_day") != NULL;
}

static bool is_about_data(const struct tq_err *err)
{
    return (has_class(err, "22") || has_class(err, "23") || has_class(err, "54")) &&
           !is_being_moved(err);
}

static void take_refusal(struct batch *batch, const struct tq_err *err)
{
    struct tq_settler *settler = batch->settler;
    bool is_lost = tq_err_is_lost(err);

    batch->is_flowing = false;
    if (strcmp(err->sqlstate, "55P03") == 0 && !batch->is_locating) {
        locate(batch);
        return;
    }
    if (is_about_data(err)) {
        halve(batch);
        if (batch->count == 1)
            take_culprit(batch, err);
        else
            put_back(batch);
    } else if (is_lost || has_class(err, "40")) {
        if (is_lost) {
            halve(batch);
            mark_unsure(batch);
        }
        put_back(batch); /* on_ready flushes again */
    } else {
        tq_log(TQ_LOG_ERROR, "settler", "the database refuses outcomes; they are kept and retried",
               "error=%s", err->message);
        halve(batch);
        put_back(batch);
        settler->is_held_back = true;
        try_later(settler, REFUSED_RETRY_MS);
    }
    finish_batch(batch);
}

static void on_written(struct tq_request *request, const struct tq_rows *rows,
                       const struct tq_err *err)
{
    struct batch *batch = (struct batch *)request; /* it is the first member */

    if (err != NULL)
        take_refusal(batch, err);
    else if (batch->is_locating)
        take_places(batch, rows);
    else
        take_written(batch, rows);
}
