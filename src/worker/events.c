// SPDX-License-Identifier: MIT
//
// Sending hearings to executors, and counting them.
#include "worker/events.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "script/script.h"
#include "worker/generation.h"
#include "worker/publisher.h"

enum { MOST_PENDING = 20000 };

static const size_t MOST_BYTES = 64 * 1024 * 1024;

struct tq_events {
    struct tq_events_config config;
    struct tq_letters *letters; /* for each executor, posted together */
    bool has_letters;
    int64_t pending;
    size_t bytes; /* of those that this half has sent */
};

struct tq_events *tq_events_new(const struct tq_events_config *config)
{
    struct tq_events *events = tq_zalloc(sizeof *events);

    events->config = *config;
    events->letters = tq_zalloc((size_t)config->executor_count * sizeof *events->letters);
    return events;
}

void tq_events_free(struct tq_events *events)
{
    free(events->letters);
    free(events);
}

int64_t tq_events_pending(const struct tq_events *events)
{
    return events->pending;
}

bool tq_events_is_full(const struct tq_events *events)
{
    return events->pending > MOST_PENDING || events->bytes > MOST_BYTES;
}

static void add_letter(struct tq_events *events, struct tq_task *task)
{
    if (task->last_executor < 0) /* no thread ran it: any will do */
        task->last_executor = (int)(task->settlement.settled.id % events->config.executor_count);
    task->letter.kind = TQ_LETTER_HEARING;
    tq_letters_add(&events->letters[task->last_executor], &task->letter);
    events->has_letters = true;
    events->pending++;
    events->bytes += task->hearing->bytes;
}

static bool listens(const struct tq_events *events, enum tq_event_kind kind)
{
    return tq_script_listens((*events->config.generation)->script, kind);
}

static void publish(struct tq_events *events, const struct tq_task *task, enum tq_event_kind kind)
{
    const struct tq_event event = tq_hearing_event(task, kind);

    tq_publisher_add(events->config.publisher, task, &event);
}

bool tq_events_wants(const struct tq_events *events, enum tq_event_kind kind)
{
    /* Those who follow hear of new tasks by themselves. */
    return listens(events, kind) ||
           (kind != TQ_EVENT_CREATED && tq_publisher_is_followed(events->config.publisher));
}

void tq_events_tell(struct tq_events *events, struct tq_task *task, enum tq_event_kind kind)
{
    if (kind != TQ_EVENT_CREATED && tq_publisher_is_followed(events->config.publisher))
        publish(events, task, kind);
    if (!listens(events, kind)) {
        tq_task_free(task);
        return;
    }
    tq_hearing_begin(task, kind);
    add_letter(events, task);
}

bool tq_events_take(struct tq_events *events, struct tq_task *task)
{
    enum tq_event_kind kind;

    if (!tq_hearing_kind(task, &kind) || !tq_events_wants(events, kind))
        return false;
    tq_events_tell(events, task, kind);
    return true;
}

void tq_events_started(struct tq_events *events, struct tq_task *copy)
{
    publish(events, copy, TQ_EVENT_STARTED);
    tq_task_free(copy);
}

void tq_events_count_announced(struct tq_events *events)
{
    events->pending++;
}

static void count_ended(struct tq_events *events, const struct tq_task *task)
{
    events->pending--;
    if (task->hearing->event.kind != TQ_EVENT_STARTED)
        events->bytes -= task->hearing->bytes;
}

void tq_events_heard(struct tq_events *events, struct tq_task *task)
{
    count_ended(events, task);
    tq_task_free(task);
}

void tq_events_lose(struct tq_events *events, const struct tq_task *task)
{
    tq_log(TQ_LOG_WARN, "listener", "a listener was lost with its thread",
           "event=%s task=%lld type=%s attempt=%d", tq_event_name(task->hearing->event.kind),
           (long long)task->settlement.settled.id, task->type, task->attempts);
    count_ended(events, task);
}

void tq_events_flush(struct tq_events *events)
{
    if (!events->has_letters)
        return;
    events->has_letters = false;
    for (int i = 0; i < events->config.executor_count; i++)
        tq_executor_give(events->config.executors[i], &events->letters[i]);
}

void tq_events_hush(struct tq_events *events)
{
    tq_log(TQ_LOG_WARN, "worker", "listeners are stopped, and are not told of all events",
           "events=%lld", (long long)events->pending);
    tq_events_flush(events);
    for (int i = 0; i < events->config.executor_count; i++)
        tq_executor_order(events->config.executors[i], TQ_LETTER_HUSH);
}
