// SPDX-License-Identifier: MIT
//
// Batches of settlements on their way into the database.
#include "worker/settler.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

enum { MAX_BATCH = 4096, LOCKED_RETRY_MS = 50, REFUSED_RETRY_MS = 1000 };

struct list {
    struct tq_settlement *first, **last;
};

/* The statement of one verdict, and what it writes. */
struct batch {
    struct tq_request request;
    struct tq_settler *settler;
    enum tq_verdict verdict;
    struct list queued;
    size_t limit; /* halved when data are refused, doubled when a batch went through */
    struct tq_settled *items[MAX_BATCH]; /* in flight; each is the first member of its settlement */
    size_t count;
    bool is_locating; /* the request asks where the items are, after a miss or a lock */
};

struct tq_settler {
    struct tq_connection *connection;
    struct batch batches[TQ_VERDICT_COUNT];
    int in_flight;     /* batches whose request has not been answered */
    struct list aside; /* locked by somebody else */
    uv_timer_t timer;  /* brings them back, and flushes again after a refusal */
    bool is_held_back; /* until the timer: the server refuses writes */
    size_t pending;
};

static void on_written(struct tq_request *request, const struct tq_rows *rows,
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
    list_init(&settler->aside);
    (void)uv_timer_init(loop, &settler->timer); /* always 0 */
    settler->timer.data = settler;
    for (int i = 0; i < TQ_VERDICT_COUNT; i++) {
        struct batch *batch = &settler->batches[i];

        batch->settler = settler;
        batch->verdict = (enum tq_verdict)i;
        batch->limit = MAX_BATCH;
        batch->request.on_done = on_written;
        list_init(&batch->queued);
    }
    return settler;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void tq_settler_close(struct tq_settler *settler)
{
    uv_close((uv_handle_t *)&settler->timer, on_closed);
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
    drop_from(settler, &settler->aside, is_lost, arg);
}

/* ---- flushing ---- */

static void send_batch(struct tq_settler *settler, struct batch *batch)
{
    struct tq_connection *connection = settler->connection;

    batch->is_locating = false;
    switch (batch->verdict) {
    case TQ_VERDICT_COMPLETE:
        tq_repository_complete(connection, &batch->request, batch->items, batch->count,
                               batch->items[0]->worker_id);
        return;
    case TQ_VERDICT_FAIL:
        tq_repository_fail(connection, &batch->request, batch->items, batch->count);
        return;
    case TQ_VERDICT_REQUEUE:
    case TQ_VERDICT_COUNT:
        tq_repository_requeue(connection, &batch->request, batch->items, batch->count);
        return;
    }
}

/* Items of one worker id: complete.sql takes one for the whole batch. */
static void fill(struct batch *batch)
{
    batch->count = 0;
    while (batch->queued.first != NULL && batch->count < batch->limit) {
        struct tq_settlement *next = batch->queued.first;

        if (batch->count > 0 && next->settled.worker_id != batch->items[0]->worker_id)
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
        send_batch(settler, batch);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct tq_settler *settler = timer->data;

    settler->is_held_back = false;
    while (settler->aside.first != NULL) {
        struct tq_settlement *settlement = list_take(&settler->aside);

        list_append(&settler->batches[settlement->verdict].queued, settlement);
    }
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
    tq_repository_locate(batch->settler->connection, &batch->request, batch->items, batch->count);
}

/* Those that were written are settled; the others stay in the batch, to be located. */
static void take_written(struct batch *batch, const struct tq_rows *rows)
{
    size_t left = 0, count = batch->count;
    bool is_all = tq_repository_read_all_done(rows);

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

static void take_places(struct batch *batch, const struct tq_rows *rows)
{
    struct tq_settler *settler = batch->settler;
    size_t count = batch->count;
    bool has_aside = false;

    for (size_t i = 0; i < count; i++) {
        struct tq_settlement *settlement = settlement_of(batch->items[i]);
        bool is_locked = false;

        if (!tq_repository_read_place(rows, settlement->settled.id, &settlement->settled.tid,
                                      &is_locked)) {
            settle(settler, settlement, false);
        } else if (is_locked) {
            list_append(&settler->aside, settlement);
            has_aside = true;
        } else {
            list_append(&batch->queued, settlement);
        }
    }
    if (has_aside)
        try_later(settler, LOCKED_RETRY_MS);
    finish_batch(batch);
}

/* One item whose data the server refuses. Its own data go, the server's message stays. */
static void take_culprit(struct batch *batch, const struct tq_err *err)
{
    struct tq_settlement *culprit = settlement_of(batch->items[0]);

    batch->count = 0;
    if (culprit->is_culprit) {
        tq_log(TQ_LOG_ERROR, "settler", "cannot write how a task ended", "task=%lld error=%s",
               (long long)culprit->settled.id, err->message);
        settle(batch->settler, culprit, false);
        return;
    }
    culprit->is_culprit = true;
    culprit->own_error = tq_format("the database refused the outcome: %s", err->message);
    culprit->settled.error = culprit->own_error;
    culprit->settled.traceback = NULL;
    if (culprit->verdict == TQ_VERDICT_COMPLETE) {
        culprit->settled.kind = "result";
        culprit->settled.status = "failed";
        culprit->verdict = TQ_VERDICT_FAIL;
    }
    list_append(&batch->settler->batches[culprit->verdict].queued, culprit);
}

static bool has_class(const struct tq_err *err, const char *class)
{
    return strncmp(err->sqlstate, class, 2) == 0;
}

static void take_refusal(struct batch *batch, const struct tq_err *err)
{
    struct tq_settler *settler = batch->settler;

    if (err->domain == TQ_ERR_CONNECT) {
        put_back(batch); /* on_ready flushes again */
        if (*err->sqlstate != '\0')
            goto hold_back; /* the server is there and refuses: read-only, full */
    } else if (strcmp(err->sqlstate, "55P03") == 0 && !batch->is_locating) {
        locate(batch);
        return;
    } else if (has_class(err, "22") || has_class(err, "23") || has_class(err, "54")) {
        batch->limit = batch->count > 1 ? batch->count / 2 : 1;
        if (batch->count > 1)
            put_back(batch);
        else
            take_culprit(batch, err);
    } else if (has_class(err, "40")) {
        put_back(batch);
    } else {
        put_back(batch);
        goto hold_back;
    }
    finish_batch(batch);
    return;

hold_back:
    tq_log(TQ_LOG_ERROR, "settler", "the database refuses outcomes; they are kept and retried",
           "error=%s", err->message);
    settler->is_held_back = true;
    try_later(settler, REFUSED_RETRY_MS);
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
