// SPDX-License-Identifier: MIT
//
// Batches of lines. A notification holds as many lines as fit, and a batch so many notifications.
// While there is no connection lines wait, as many as there is room for. A batch whose answer is
// lost may have been heard, and is not sent again; that something was dropped is.
#include "worker/publisher.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "worker/event_line.h"

enum {
    PAUSE_MS = 20,    /* from the first line to its batch, and between two */
    OUTAGE_MS = 250,  /* between two looks for a connection */
    BATCH_TEXTS = 64, /* notifications */
    MOST_TEXTS = 256, /* that wait */
};

struct tq_publisher {
    struct tq_publisher_config config;
    uv_timer_t timer;
    int64_t followed_until_us; /* tq_clock_us() */
    struct tq_request request;
    char *texts[MOST_TEXTS]; /* complete */
    size_t count;
    struct tq_buf text;       /* the one that is being filled */
    struct tq_buf line;       /* scratch */
    int64_t dropped, telling; /* the second: those that the batch under way tells of */
};

static void on_timer(uv_timer_t *timer);

struct tq_publisher *tq_publisher_new(const struct tq_publisher_config *config)
{
    struct tq_publisher *publisher = tq_zalloc(sizeof *publisher);

    publisher->config = *config;
    publisher->request.connection = config->connection;
    (void)uv_timer_init(config->loop, &publisher->timer); /* always 0 */
    publisher->timer.data = publisher;
    return publisher;
}

static void forget(struct tq_publisher *publisher)
{
    while (publisher->count > 0)
        free(publisher->texts[--publisher->count]);
    tq_buf_clear(&publisher->text);
    publisher->dropped = 0;
}

static void on_closed(uv_handle_t *timer)
{
    struct tq_publisher *publisher = timer->data;

    forget(publisher);
    tq_buf_deinit(&publisher->text);
    tq_buf_deinit(&publisher->line);
    free(publisher);
}

void tq_publisher_close(struct tq_publisher *publisher)
{
    uv_close((uv_handle_t *)&publisher->timer, on_closed);
}

void tq_publisher_follow(struct tq_publisher *publisher, int64_t ms)
{
    publisher->followed_until_us =
        tq_clock_us() + (ms < TQ_FOLLOWED_MS ? ms : TQ_FOLLOWED_MS) * 1000;
    atomic_store(publisher->config.is_followed, true);
}

bool tq_publisher_is_followed(const struct tq_publisher *publisher)
{
    return publisher->followed_until_us != 0;
}

static bool is_empty(const struct tq_publisher *publisher)
{
    return publisher->count == 0 && publisher->text.len == 0 && publisher->dropped == 0;
}

static bool is_connected(const struct tq_publisher *publisher)
{
    return tq_connection_is_ready(publisher->config.connection);
}

static void arm(struct tq_publisher *publisher)
{
    uint64_t ms = is_connected(publisher) ? PAUSE_MS : OUTAGE_MS;

    if (!publisher->request.is_pending && !uv_is_active((uv_handle_t *)&publisher->timer))
        (void)uv_timer_start(&publisher->timer, on_timer, ms, 0); /* not null */
}

/* Moves the text that is being filled to the complete ones; false: there are too many. */
static bool complete_text(struct tq_publisher *publisher)
{
    if (publisher->text.len == 0)
        return true;
    if (publisher->count == MOST_TEXTS)
        return false;
    publisher->texts[publisher->count++] = tq_buf_take(&publisher->text);
    return true;
}

static bool add_line(struct tq_publisher *publisher)
{
    const struct tq_buf *line = &publisher->line;

    if (publisher->text.len > 0 && publisher->text.len + 1 + line->len > TQ_EVENT_LINE_MOST &&
        !complete_text(publisher))
        return false;
    if (publisher->text.len > 0)
        tq_buf_add_char(&publisher->text, '\n');
    tq_buf_add(&publisher->text, line->data, line->len);
    return true;
}

void tq_publisher_add(struct tq_publisher *publisher, const struct tq_task *task,
                      const struct tq_event *event)
{
    if (tq_clock_us() >= publisher->followed_until_us) {
        publisher->followed_until_us = 0;
        atomic_store(publisher->config.is_followed, false);
        return;
    }
    tq_buf_clear(&publisher->line);
    tq_event_line_add(&publisher->line, task, event, publisher->config.worker_name,
                      tq_clock_wall_us());
    if (publisher->line.len > TQ_EVENT_LINE_MOST || !add_line(publisher))
        publisher->dropped++;
    arm(publisher);
}

static void on_sent(struct tq_request *request, const struct tq_rows *rows,
                    const struct tq_err *err)
{
    struct tq_publisher *publisher = TQ_OWNER(request, struct tq_publisher, request);

    (void)rows; /* how many notifications there were */
    if (uv_is_closing((uv_handle_t *)&publisher->timer))
        return;
    if (err != NULL && err->domain != TQ_ERR_CONNECT) {
        tq_log(TQ_LOG_WARN, "events", "those who follow are not told", "error=%s", err->message);
        forget(publisher);
    } else if (err != NULL) {
        publisher->dropped += publisher->telling;
    }
    if (!is_empty(publisher))
        arm(publisher);
}

static char *tell_dropped(struct tq_publisher *publisher)
{
    struct tq_buf text = {0};

    tq_event_line_add_dropped(&text, publisher->dropped, publisher->config.worker_name,
                              tq_clock_wall_us());
    publisher->telling = publisher->dropped;
    publisher->dropped = 0;
    return tq_buf_take(&text);
}

static void send_batch(struct tq_publisher *publisher)
{
    char *batch[BATCH_TEXTS + 1];
    size_t count;

    (void)complete_text(publisher); /* if not, it is sent later */
    count = publisher->count < BATCH_TEXTS ? publisher->count : BATCH_TEXTS;
    memcpy(batch, publisher->texts, count * sizeof *batch);
    publisher->count -= count;
    memmove(publisher->texts, publisher->texts + count,
            publisher->count * sizeof *publisher->texts);
    publisher->telling = 0;
    if (publisher->dropped > 0)
        batch[count++] = tell_dropped(publisher);
    if (count == 0)
        return;
    publisher->request.on_done = on_sent;
    tq_repository_publish(&publisher->request, (const char *const *)batch, count);
    for (size_t i = 0; i < count; i++)
        free(batch[i]);
}

static void on_timer(uv_timer_t *timer)
{
    struct tq_publisher *publisher = timer->data;

    if (publisher->request.is_pending)
        return;
    if (is_connected(publisher))
        send_batch(publisher);
    else
        arm(publisher);
}

bool tq_publisher_finish(struct tq_publisher *publisher)
{
    if (!is_connected(publisher))
        forget(publisher);
    if (!publisher->request.is_pending && !is_empty(publisher)) {
        (void)uv_timer_stop(&publisher->timer); /* always 0 */
        send_batch(publisher);
    }
    return !publisher->request.is_pending && is_empty(publisher);
}
