// SPDX-License-Identifier: MIT
//
// Batches of progress.
#include "worker/progress.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

enum { INTERVAL_MS = 1000, MAX_BATCH = 1000 };

struct tq_progress {
    struct tq_request request;
    uv_timer_t timer;                /* active for a second after each batch */
    struct tq_letter *first, **last; /* reports */
};

static void on_timer(uv_timer_t *timer);

static void on_written(struct tq_request *request, const struct tq_rows *rows,
                       const struct tq_err *err)
{
    (void)request;
    (void)rows; /* there are none */
    if (err != NULL && err->domain != TQ_ERR_CONNECT)
        tq_log(TQ_LOG_ERROR, "progress", "cannot write how far tasks are", "error=%s",
               err->message);
}

struct tq_progress *tq_progress_new(uv_loop_t *loop, struct tq_connection *connection)
{
    struct tq_progress *progress = tq_zalloc(sizeof *progress);

    progress->request.connection = connection;
    progress->request.on_done = on_written;
    progress->last = &progress->first;
    (void)uv_timer_init(loop, &progress->timer); /* always 0 */
    progress->timer.data = progress;
    return progress;
}

/* Takes out up to MAX_BATCH reports. */
static size_t take(struct tq_progress *progress, struct tq_progress_report **reports)
{
    size_t count = 0;

    while (progress->first != NULL && count < MAX_BATCH) {
        reports[count++] = (struct tq_progress_report *)progress->first; /* its first member */
        progress->first = progress->first->next;
    }
    if (progress->first == NULL)
        progress->last = &progress->first;
    return count;
}

static void free_all(struct tq_progress_report *const *reports, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(reports[i]->text);
        free(reports[i]);
    }
}

static void flush(struct tq_progress *progress)
{
    struct tq_progress_report *reports[MAX_BATCH];
    struct tq_progress_item items[MAX_BATCH];
    size_t count;

    if (progress->first == NULL)
        return;
    (void)uv_timer_start(&progress->timer, on_timer, INTERVAL_MS, 0); /* not null */
    if (progress->request.is_pending)
        return;
    count = take(progress, reports);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct tq_progress_item){reports[i]->id, reports[i]->claims, reports[i]->text};
    if (tq_connection_is_ready(progress->request.connection))
        tq_repository_progress(&progress->request, items, count);
    free_all(reports, count);
}

static void on_timer(uv_timer_t *timer)
{
    flush(timer->data);
}

void tq_progress_take(struct tq_progress *progress, struct tq_letter *letter)
{
    letter->next = NULL;
    *progress->last = letter;
    progress->last = &letter->next;
    if (!uv_is_active((uv_handle_t *)&progress->timer))
        flush(progress);
}

static void on_closed(uv_handle_t *timer)
{
    struct tq_progress *progress = timer->data;
    struct tq_progress_report *reports[MAX_BATCH];

    while (progress->first != NULL)
        free_all(reports, take(progress, reports));
    free(progress);
}

void tq_progress_close(struct tq_progress *progress)
{
    uv_close((uv_handle_t *)&progress->timer, on_closed);
}
