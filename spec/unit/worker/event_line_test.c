// SPDX-License-Identifier: MIT
//
// Events as lines: fields, documents, and what is done to what is too long.
#include "worker/event_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "unit/unit.h"

enum { NOW_S = 1732440600 }; /* 2024-11-24T09:30:00Z */

static struct tq_task *make_task(const char *type, const char *payload)
{
    const struct tq_claimed row = {.id = 7,
                                   .type = type,
                                   .priority = -1,
                                   .scheduled_at = 1000000,
                                   .created_at = 500000,
                                   .claims = 2,
                                   .attempts = 1,
                                   .payload = payload,
                                   .payload_len = strlen(payload)};
    struct tq_task *task = tq_task_new(&row, 9);

    task->max_attempts = 3;
    return task;
}

static void check_line(const struct tq_event *event, const char *type, const char *expected)
{
    struct tq_task *task = make_task(type, "{\"a\": 1}");
    struct tq_buf line = {0};

    tq_event_line_add(&line, task, event, "ada", INT64_C(1000000) * NOW_S + 1500);
    CHECK_TEXT(line.data, expected);
    tq_buf_deinit(&line);
    tq_task_free(task);
}

#define AT "2024-11-24T09:30:00.001500Z"
#define TASK                                                                                       \
    "\"task\":{\"id\":7,\"type\":\"t\",\"priority\":-1,\"attempts\":1,\"max_attempts\":3,"         \
    "\"claims\":2,\"created_at\":\"2000-01-01T00:00:00.500000Z\","                                 \
    "\"scheduled_at\":\"2000-01-01T00:00:01.000000Z\",\"payload\":{\"a\": 1}}"

UNIT_TEST(writes_that_a_task_started)
{
    check_line(&(struct tq_event){.kind = TQ_EVENT_STARTED}, "t",
               "started\t" AT "\t7\tt\tada\t"
               "{\"event\":\"started\",\"at\":\"" AT "\",\"worker\":\"ada\"," TASK "}");
}

UNIT_TEST(writes_that_a_task_completed)
{
    check_line(
        &(struct tq_event){
            .kind = TQ_EVENT_COMPLETED, .duration_us = 12345, .result = "[1]", .result_len = 3},
        "t",
        "completed\t" AT "\t7\tt\t12.3 ms\t"
        "{\"event\":\"completed\",\"at\":\"" AT "\",\"worker\":\"ada\"," TASK
        ",\"duration\":12.345,\"result\":[1]}");
}

UNIT_TEST(writes_that_a_task_failed)
{
    check_line(&(struct tq_event){.kind = TQ_EVENT_FAILED,
                                  .error = "no\tsuch \"file\"\n",
                                  .error_kind = "error",
                                  .traceback = "stack:\n\tx",
                                  .will_retry = true},
               "t",
               "failed\t" AT "\t7\tt\terror: no\\tsuch \"file\"\\n; will retry\t"
               "{\"event\":\"failed\",\"at\":\"" AT "\",\"worker\":\"ada\"," TASK
               ",\"error\":{\"message\":\"no\\tsuch \\\"file\\\"\\n\",\"kind\":\"error\","
               "\"traceback\":\"stack:\\n\\tx\"},\"will_retry\":true}");
}

UNIT_TEST(writes_how_many_events_were_dropped)
{
    struct tq_buf line = {0};

    tq_event_line_add_dropped(&line, 12, "ada", INT64_C(1000000) * NOW_S + 1500);
    CHECK_TEXT(line.data, "dropped\t" AT "\t0\t\t12 events\t{\"event\":\"dropped\",\"at\":\"" AT
                          "\",\"worker\":\"ada\",\"count\":12}");
    tq_buf_deinit(&line);
}

static char *long_text(char c, size_t len)
{
    char *text = tq_alloc(len + 1);

    memset(text, c, len);
    text[len] = '\0';
    return text;
}

/* Whatever is too long, however it is escaped, the line fits and is one line of six fields. */
static void check_fits(const char *type, const char *payload, const char *text, const char *cut)
{
    const struct tq_event event = {
        .kind = TQ_EVENT_FAILED, .error = text, .error_kind = "error", .traceback = text};
    struct tq_task *task = make_task(type, payload);
    struct tq_buf line = {0};
    int tabs = 0;

    tq_event_line_add(&line, task, &event, "ada", 0);
    CHECK(line.len <= TQ_EVENT_LINE_MOST);
    for (size_t i = 0; i < line.len; i++) {
        tabs += line.data[i] == '\t';
        CHECK(line.data[i] != '\n');
    }
    CHECK_INT(tabs, 5);
    CHECK(strstr(line.data, cut) != NULL);
    tq_buf_deinit(&line);
    tq_task_free(task);
}

UNIT_TEST(leaves_out_and_cuts_what_is_too_long)
{
    char *payload = long_text('1', 100000), *plain = long_text('x', 100000);
    char *control = long_text('\x01', 100000), *type = long_text('"', 200);

    check_fits("t", payload, "short", "\"cut\":[\"payload\"]");
    check_fits("t", "{}", plain, "\"cut\":[\"message\",\"traceback\"]");
    check_fits(type, payload, control, "\"cut\":[\"payload\",\"message\",\"traceback\"]");
    free(type);
    free(control);
    free(plain);
    free(payload);
}
