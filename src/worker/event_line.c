// SPDX-License-Identifier: MIT
//
// Writing events as lines.
#include "worker/event_line.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/timestamp.h"

enum { PART_MOST = 2000, MESSAGE_MOST = 1000, SUMMARY_MOST = 200, LEAST = 16 };

/* What does not fit is named in cut. */
struct line {
    struct tq_buf *out;
    size_t part_most; /* bytes of a part of the document */
    struct tq_buf cut;
};

static void add_cut(struct line *line, const char *name)
{
    tq_buf_addf(&line->cut, "%s\"%s\"", line->cut.len > 0 ? "," : "", name);
}

/* A member whose value is JSON already. */
static void add_json(struct line *line, const char *name, const char *text, size_t len)
{
    if (len > line->part_most) {
        add_cut(line, name);
        return;
    }
    tq_buf_addf(line->out, ",\"%s\":", name);
    tq_buf_add(line->out, text, len);
}

/* At most so many bytes; half of a character at the end becomes a replacement character. */
static void add_text(struct line *line, const char *name, const char *text, size_t most)
{
    char *start = tq_memdup(text, strnlen(text, most));

    if (text[strnlen(text, most)] != '\0')
        add_cut(line, name);
    tq_buf_addf(line->out, "\"%s\":", name);
    tq_text_add_json(line->out, start);
    free(start);
}

static void add_time(struct line *line, const char *name, int64_t us)
{
    tq_buf_addf(line->out, ",\"%s\":\"", name);
    tq_timestamp_add(line->out, us);
    tq_buf_add_char(line->out, '"');
}

static void add_task(struct line *line, const struct tq_task *task)
{
    tq_buf_addf(line->out, ",\"task\":{\"id\":%" PRId64 ",\"type\":", task->settlement.settled.id);
    tq_text_add_json(line->out, task->type);
    tq_buf_addf(
        line->out, ",\"priority\":%d,\"attempts\":%d,\"max_attempts\":%d,\"claims\":%" PRId32,
        task->priority, task->attempts, task->max_attempts, task->settlement.settled.claims);
    add_time(line, "created_at", task->created_at_us);
    add_time(line, "scheduled_at", task->scheduled_at_us);
    add_json(line, "payload", task->payload, task->payload_len);
    tq_buf_add_char(line->out, '}');
}

static void add_error(struct line *line, const struct tq_event *event)
{
    size_t most = line->part_most < MESSAGE_MOST ? line->part_most : MESSAGE_MOST;

    tq_buf_add_text(line->out, ",\"error\":{");
    add_text(line, "message", event->error, most);
    tq_buf_add_char(line->out, ',');
    add_text(line, "kind", event->error_kind, PART_MOST);
    if (event->traceback != NULL && strlen(event->traceback) > line->part_most) {
        add_cut(line, "traceback");
    } else if (event->traceback != NULL) {
        tq_buf_add_char(line->out, ',');
        add_text(line, "traceback", event->traceback, PART_MOST);
    }
    tq_buf_addf(line->out, "},\"will_retry\":%s", event->will_retry ? "true" : "false");
}

static const char *short_name(enum tq_event_kind kind)
{
    return strchr(tq_event_name(kind), ':') + 1; /* each has one */
}

/* What people see of it, beside the task. */
static void add_summary(struct tq_buf *out, const struct tq_event *event, const char *worker)
{
    struct tq_buf text = {0};

    if (event->kind == TQ_EVENT_COMPLETED)
        tq_buf_addf(&text, "%.1f ms", (double)event->duration_us / 1000);
    else if (event->kind == TQ_EVENT_FAILED)
        tq_buf_addf(&text, "%s: %.*s%s", event->error_kind, SUMMARY_MOST, event->error,
                    event->will_retry ? "; will retry" : "");
    else
        tq_buf_addf(&text, "%.*s", SUMMARY_MOST, worker);
    tq_text_add_escaped(out, text.data, "");
    tq_buf_deinit(&text);
}

static void add_head(struct tq_buf *out, const char *event, int64_t now_us)
{
    tq_buf_addf(out, "%s\t", event);
    tq_timestamp_add(out, now_us);
    tq_buf_add_char(out, '\t');
}

static void begin_document(struct line *line, const char *event, const char *worker, int64_t now_us)
{
    tq_buf_addf(line->out, "\t{\"event\":\"%s\"", event);
    add_time(line, "at", now_us);
    tq_buf_add_text(line->out, ",\"worker\":");
    tq_text_add_json(line->out, worker);
}

static void add(struct line *line, const struct tq_task *task, const struct tq_event *event,
                const char *worker, int64_t now_us)
{
    struct tq_buf *out = line->out;

    add_head(out, short_name(event->kind), now_us);
    tq_buf_addf(out, "%" PRId64 "\t", task->settlement.settled.id);
    tq_text_add_escaped(out, task->type, "");
    tq_buf_add_char(out, '\t');
    add_summary(out, event, worker);
    begin_document(line, short_name(event->kind), worker, now_us);
    add_task(line, task);
    if (event->kind == TQ_EVENT_COMPLETED)
        tq_buf_addf(out, ",\"duration\":%.3f", (double)event->duration_us / 1000);
    if (event->kind == TQ_EVENT_COMPLETED && event->result != NULL)
        add_json(line, "result", event->result, event->result_len);
    if (event->kind == TQ_EVENT_FAILED)
        add_error(line, event);
    if (line->cut.len > 0)
        tq_buf_addf(out, ",\"cut\":[%s]", line->cut.data);
    tq_buf_add_char(out, '}');
}

void tq_event_line_add(struct tq_buf *out, const struct tq_task *task, const struct tq_event *event,
                       const char *worker, int64_t now_us)
{
    size_t before = out->len;

    for (size_t most = PART_MOST; most >= LEAST; most /= 4) {
        struct line line = {.out = out, .part_most = most};

        out->len = before;
        add(&line, task, event, worker, now_us);
        tq_buf_deinit(&line.cut);
        if (out->len - before <= TQ_EVENT_LINE_MOST)
            return;
    }
}

void tq_event_line_add_dropped(struct tq_buf *out, int64_t count, const char *worker,
                               int64_t now_us)
{
    struct line line = {.out = out};

    add_head(out, "dropped", now_us);
    tq_buf_addf(out, "0\t\t%" PRId64 " events", count);
    begin_document(&line, "dropped", worker, now_us);
    tq_buf_addf(out, ",\"count\":%" PRId64 "}", count);
}
