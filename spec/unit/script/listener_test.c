// SPDX-License-Identifier: MIT
//
// Listeners: where they may be registered, for what, and what they are called with.
#include "script/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

#define TASKQ "local taskq = require 'taskq' "

/* Keeps the JSON of what the listener was called with, for the handler "t" to return. */
#define KEEP TASKQ "taskq.on('%s', function(event) require('kept').text = taskq.json.encode("

static void open_stage(struct stage *stage)
{
    stage_open(stage);
    stage_write(stage, "lib/kept.lua", "return {}");
    stage_write(stage, "t.lua",
                "return { type = 't', handler = function() return require('kept').text end }");
}

/* Loading listeners/l.lua with this text fails, with this in the message. */
static void check_refused(const char *text, const char *message)
{
    struct stage stage;
    struct tq_err err;

    open_stage(&stage);
    stage_write(&stage, "listeners/l.lua", text);
    CHECK(!stage_try_load(&stage, &err));
    CHECK_INT(err.domain, TQ_ERR_HANDLERS);
    CHECK(strstr(err.message, "listeners/l.lua:1: ") != NULL);
    if (strstr(err.message, message) == NULL)
        CHECK_TEXT(err.message, message);
    stage_close(&stage);
}

/* Runs the first listener of the event to its end. */
static const struct tq_outcome *tell(struct stage *stage, const struct tq_event *event,
                                     struct tq_run **run)
{
    int64_t now_us = tq_clock_us();
    const struct tq_run_task task = {.id = 7,
                                     .type = "any",
                                     .payload = "{\"a\":[]}",
                                     .payload_len = 8,
                                     .attempt = 2,
                                     .max_attempts = 5,
                                     .claims = 3,
                                     .worker_id = "ada",
                                     .soft_deadline_us = now_us + stage->soft_ms * 1000,
                                     .hard_deadline_us = now_us + stage->hard_ms * 1000,
                                     .event = event};

    *run = tq_run_start(stage->script, tq_script_listener(stage->script, event->kind, 0), &task,
                        stage);
    return stage_finish(stage, *run);
}

static void check_told(const struct tq_event *event, const char *expression, const char *expected)
{
    struct stage stage;
    struct tq_run *run;
    char text[512];

    open_stage(&stage);
    (void)snprintf(text, sizeof text, KEEP "%s) end)", tq_event_name(event->kind), expression);
    stage_write(&stage, "listeners/l.lua", text);
    stage_load(&stage);
    CHECK(tq_script_listens(stage.script, event->kind));
    CHECK_TEXT(tell(&stage, event, &run)->error, NULL);
    tq_run_free(run);
    stage_check_result(&stage, "{}", expected);
    stage_close(&stage);
}

UNIT_TEST(gives_every_event_its_type_and_task)
{
    for (int kind = 0; kind < TQ_EVENT_COUNT; kind++) {
        const struct tq_event event = {
            .kind = (enum tq_event_kind)kind, .error = "e", .error_kind = "k"};
        char expected[128];

        (void)snprintf(expected, sizeof expected,
                       "\"[\\\"%s\\\",7,\\\"any\\\",{\\\"a\\\":[]},2,3]\"",
                       tq_event_name(event.kind));
        check_told(&event,
                   "{ event.type, event.payload.task.id, event.payload.task.type, "
                   "event.payload.task.payload, event.payload.task.attempts, "
                   "event.payload.task.claims }",
                   expected);
    }
}

UNIT_TEST(gives_a_start_the_name_of_the_worker)
{
    const struct tq_event event = {.kind = TQ_EVENT_STARTED};

    check_told(&event, "event.payload.worker_id", "\"\\\"ada\\\"\"");
}

UNIT_TEST(gives_a_completion_its_result_and_duration)
{
    const struct tq_event event = {
        .kind = TQ_EVENT_COMPLETED, .duration_us = 1500, .result = "[1,1.0]", .result_len = 7};

    check_told(&event, "{ event.payload.duration, event.payload.result }", "\"[1.5,[1,1.0]]\"");
}

UNIT_TEST(gives_a_completion_without_a_result_none)
{
    const struct tq_event event = {.kind = TQ_EVENT_COMPLETED};

    check_told(&event, "event.payload.result == nil", "\"true\"");
}

UNIT_TEST(gives_a_failure_its_error)
{
    const struct tq_event event = {.kind = TQ_EVENT_FAILED,
                                   .error = "no",
                                   .traceback = "stack",
                                   .error_kind = "timeout",
                                   .will_retry = true};

    check_told(&event,
               "{ event.payload.error.message, event.payload.error.traceback, "
               "event.payload.error.kind, event.payload.will_retry }",
               "\"[\\\"no\\\",\\\"stack\\\",\\\"timeout\\\",true]\"");
}

UNIT_TEST(keeps_listeners_in_the_order_of_files_and_calls)
{
    struct stage stage;

    open_stage(&stage);
    stage_write(&stage, "listeners/b.lua", TASKQ "taskq.on('worker-task:failed', print)");
    stage_write(&stage, "listeners/a.lua",
                TASKQ "taskq.on('worker-task:failed', print) "
                      "taskq.on('worker-task:failed', print)");
    stage_load(&stage);
    CHECK_INT(tq_script_listener_count(stage.script, TQ_EVENT_FAILED), 3);
    CHECK_INT(tq_script_listener_count(stage.script, TQ_EVENT_COMPLETED), 0);
    CHECK(!tq_script_listens(stage.script, TQ_EVENT_COMPLETED));
    CHECK(strstr(tq_script_listener(stage.script, TQ_EVENT_FAILED, 1)->file, "/a.lua") != NULL);
    CHECK(strstr(tq_script_listener(stage.script, TQ_EVENT_FAILED, 2)->file, "/b.lua") != NULL);
    CHECK_TEXT(tq_script_listener(stage.script, TQ_EVENT_FAILED, 0)->type, "worker-task:failed");
    stage_close(&stage);
}

UNIT_TEST(refuses_events_that_there_are_not)
{
    check_refused(TASKQ "taskq.on('worker-task:complete', print)",
                  "there is no event \"worker-task:complete\" (did you mean "
                  "\"worker-task:completed\"?)");
    check_refused(TASKQ "taskq.on('failed', print)", "(did you mean \"worker-task:failed\"?)");
    check_refused(TASKQ "taskq.on('lunch', print)",
                  "there is no event \"lunch\"; there are worker-task:created, "
                  "worker-task:started, worker-task:completed and worker-task:failed");
}

UNIT_TEST(refuses_what_is_no_listener)
{
    check_refused(TASKQ "taskq.on('worker-task:failed')", "function expected");
    check_refused(TASKQ "taskq.on()", "string expected");
}

UNIT_TEST(refuses_listeners_of_handler_files)
{
    struct stage stage;
    struct tq_err err;

    stage_open(&stage);
    stage_write(&stage, "a.lua", TASKQ "taskq.on('worker-task:failed', print)");
    CHECK(!stage_try_load(&stage, &err));
    CHECK(strstr(err.message, "a.lua:1: taskq.on: belongs into a file below listeners/") != NULL);
    stage_close(&stage);
}

UNIT_TEST(refuses_listeners_once_files_are_loaded)
{
    stage_check_body("local ok, message = pcall(taskq.on, 'worker-task:failed', print) "
                     "return message:match('while the files below listeners/')",
                     "{}", "\"while the files below listeners/\"");
}

UNIT_TEST(stops_a_listener_at_its_time_limit)
{
    const struct tq_event event = {.kind = TQ_EVENT_COMPLETED};
    struct stage stage;
    struct tq_run *run;

    open_stage(&stage);
    stage_write(&stage, "listeners/l.lua",
                TASKQ "taskq.on('worker-task:completed', function() while true do "
                      "pcall(function() while true do end end) end end)");
    stage_load(&stage);
    stage.soft_ms = 10;
    stage.hard_ms = 30;

    const struct tq_outcome *outcome = tell(&stage, &event, &run);

    CHECK_INT(outcome->kind, TQ_OUTCOME_STOPPED);
    CHECK_INT(outcome->stop, TQ_STOP_TIMEOUT);
    CHECK_TEXT(outcome->error, "timeout: the listener ran longer than 5000 ms");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(takes_no_notice_of_what_a_listener_returns)
{
    const struct tq_event event = {.kind = TQ_EVENT_COMPLETED};
    struct stage stage;
    struct tq_run *run;

    open_stage(&stage);
    stage_write(&stage, "listeners/l.lua",
                TASKQ "taskq.on('worker-task:completed', function() taskq.sleep(5) "
                      "return { success = false, error = print } end)");
    stage_load(&stage);
    CHECK_INT(tell(&stage, &event, &run)->kind, TQ_OUTCOME_SUCCESS);
    CHECK_INT(stage.total_waits, 1);
    tq_run_free(run);
    stage_close(&stage);
}
