// SPDX-License-Identifier: MIT
//
// Runs: what a handler sees, how it can end, and how it is interrupted and stopped.
#include "script/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

/* Runs a handler with this body and calls check on its outcome. */
static void with_outcome(const char *body, void (*check)(const struct tq_outcome *outcome))
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, body);

    struct tq_run *run = stage_start(&stage, "t", "{}");

    check(stage_finish(&stage, run));
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(gives_the_result_of_an_outcome)
{
    stage_check_body("return { success = true, result = { sum = 1 + 1 } }", "{}", "{\"sum\":2}");
    stage_check_body("return { success = true }", "{}", NULL);
}

UNIT_TEST(takes_any_other_value_as_the_result)
{
    stage_check_body("return { to = context.task.payload.to }", "{\"to\":\"a@b\"}",
                     "{\"to\":\"a@b\"}");
    stage_check_body("return { success = 'yes' }", "{}", "{\"success\":\"yes\"}");
    stage_check_body("return 1.0", "{}", "1.0");
    stage_check_body("return 'text', 'ignored'", "{}", "\"text\"");
    stage_check_body("return false", "{}", "false");
    stage_check_body("return taskq.null", "{}", "null");
    stage_check_body("", "{}", NULL);
}

UNIT_TEST(shows_the_task)
{
    stage_check_body(
        "local task = context.task "
        "assert(task == context.task and task.payload == task.payload) "
        "assert(task.missing == nil and context.missing == nil) "
        "return { task.id, task.type, task.priority, task.attempt, task.attempts, "
        "task.max_attempts, task.claims, task.created_at, task.scheduled_at, context.worker_id, "
        "context.is_shutting_down(), task.payload }",
        "[9007199254740993]",
        "[7,\"t\",3,1,1,5,2,1700000000123.456,1700000001000.0,\"fake-worker\",false,"
        "[9007199254740993]]");
}

UNIT_TEST(shows_any_payload)
{
    stage_check_body("return context.task.payload", "[[],{},null,1.0,{\"a\":1}]",
                     "[[],{},null,1.0,{\"a\":1}]");
    stage_check_body("return context.task.payload == taskq.null", "null", "true");
    stage_check_body("return context.task.payload", "false", "false");
}

UNIT_TEST(has_a_context_of_its_own)
{
    stage_check_body(
        "context.mine = 1 local co = coroutine.wrap(function() return context.task.id end) "
        "return { context.mine, co() }",
        "{}", "[1,7]");
}

UNIT_TEST(fails_a_payload_that_is_not_json)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, "return context.task.payload");

    struct tq_run *run = stage_start(&stage, "t", "{");
    const struct tq_outcome *outcome = stage_finish(&stage, run);

    CHECK_INT(outcome->kind, TQ_OUTCOME_FAILURE);
    CHECK(strstr(outcome->error, "payload: ") != NULL);
    tq_run_free(run);
    stage_close(&stage);
}

static void check_error(const struct tq_outcome *outcome)
{
    CHECK_INT(outcome->kind, TQ_OUTCOME_FAILURE);
    CHECK_TEXT(outcome->error_kind, "error");
    CHECK(strstr(outcome->error, "t.lua:3: no such user") != NULL);
    CHECK(strstr(outcome->traceback, "stack traceback:") != NULL);
    CHECK(strstr(outcome->traceback, "in local 'inner'") != NULL);
    CHECK_INT(outcome->delay_ms, -1);
    CHECK(!outcome->is_discarded);
    CHECK_TEXT(outcome->result, NULL);
}

UNIT_TEST(fails_with_the_error_that_was_raised)
{
    with_outcome("local function inner() error('no such user') end inner() return 1", check_error);
}

static void check_overflow(const struct tq_outcome *outcome)
{
    CHECK_INT(outcome->kind, TQ_OUTCOME_FAILURE);
    CHECK(strstr(outcome->error, "stack overflow") != NULL);
    CHECK(strstr(outcome->traceback, "t.lua:3: in upvalue 'f'\n") != NULL);
    CHECK(strstr(outcome->traceback, "more than 1000 levels deep") != NULL);
}

UNIT_TEST(shows_the_innermost_frames_of_a_deep_stack)
{
    with_outcome(
        "local function f(n) if n == 0 then error('stack overflow') end return 1 + f(n - 1) end "
        "f(10000)",
        check_overflow);
}

static void check_text_of_error(const struct tq_outcome *outcome)
{
    CHECK_INT(outcome->kind, TQ_OUTCOME_FAILURE);
    CHECK_TEXT(outcome->error, "{\"code\":5}");
}

static void check_said_error(const struct tq_outcome *outcome)
{
    CHECK_TEXT(outcome->error, "said so");
}

static void check_nil_error(const struct tq_outcome *outcome)
{
    CHECK_INT(outcome->kind, TQ_OUTCOME_FAILURE);
    CHECK_TEXT(outcome->error, "an error without a message: error(nil)");
}

UNIT_TEST(makes_a_text_of_any_error)
{
    with_outcome("error({ code = 5 })", check_text_of_error);
    with_outcome("error(setmetatable({}, { __tostring = function() return 'said so' end }))",
                 check_said_error);
    with_outcome("error()", check_nil_error);
    with_outcome("return { success = false, error = { code = 5 } }", check_text_of_error);
}

static void check_cleaned_error(const struct tq_outcome *outcome)
{
    CHECK_TEXT(outcome->error, "a\xEF\xBF\xBD"
                               "b\xEF\xBF\xBD"
                               "c\xC3\xA9");
}

UNIT_TEST(makes_errors_storable)
{
    with_outcome("error('a\\0b\\xffc\\xc3\\xa9', 0)", check_cleaned_error);
}

static void check_failure(const struct tq_outcome *outcome)
{
    CHECK_INT(outcome->kind, TQ_OUTCOME_FAILURE);
    CHECK_TEXT(outcome->error_kind, "failure");
    CHECK_TEXT(outcome->error, "not today");
    CHECK_TEXT(outcome->traceback, NULL);
    CHECK_INT(outcome->delay_ms, 1500);
    CHECK(!outcome->is_discarded);
}

static void check_discarded(const struct tq_outcome *outcome)
{
    CHECK_INT(outcome->kind, TQ_OUTCOME_FAILURE);
    CHECK(outcome->is_discarded);
    CHECK_TEXT(outcome->error, "the handler returned success = false without an error");
}

static void check_snoozed(const struct tq_outcome *outcome)
{
    CHECK_INT(outcome->kind, TQ_OUTCOME_SNOOZE);
    CHECK_INT(outcome->delay_ms, 2500);
}

UNIT_TEST(fails_as_the_handler_says)
{
    with_outcome("return { success = false, error = 'not today', retry_after = 1500 }",
                 check_failure);
    with_outcome("return { success = false, discard = true }", check_discarded);
    with_outcome("return { success = false, snooze = 2500.9 }", check_snoozed);
}

static void check_result_refused(const struct tq_outcome *outcome)
{
    CHECK_INT(outcome->kind, TQ_OUTCOME_FAILURE);
    CHECK_TEXT(outcome->error_kind, "result");
    CHECK(strncmp(outcome->error, "result", 6) == 0);
    CHECK(outcome->is_discarded);
    CHECK_TEXT(outcome->result, NULL);
}

UNIT_TEST(fails_for_good_when_the_result_cannot_be_stored)
{
    with_outcome("return { cb = print }", check_result_refused);
    with_outcome("return { success = true, result = 'a\\0b' }", check_result_refused);
    with_outcome("return ('x'):rep(1024 * 1024)", check_result_refused);
    with_outcome("local t = {} t.t = t return t", check_result_refused);
}

UNIT_TEST(waits_and_goes_on)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, "taskq.sleep(20.2) return 'awake'");

    struct tq_run *run = stage_start(&stage, "t", "{}");

    CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
    CHECK_INT(stage.slept_ms, 21);
    CHECK_INT(stage.live_waits, 1);
    stage_end_wait(&stage);
    CHECK_INT(stage_resume(run), TQ_RUN_DONE);
    CHECK_INT(stage.live_waits, 0);
    CHECK_TEXT(tq_run_outcome(run)->result, "\"awake\"");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(does_not_suspend_for_a_wait_that_is_over)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, "for i = 1, 3 do taskq.sleep(0) end return 1");
    stage.is_wait_done_at_once = true;

    struct tq_run *run = stage_start(&stage, "t", "{}");

    CHECK_INT(stage_resume(run), TQ_RUN_DONE);
    CHECK_INT(stage.total_waits, 3);
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(interleaves_runs)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, "local n = context.task.payload taskq.sleep(1) return n");

    struct tq_run *one = stage_start(&stage, "t", "1"), *two = stage_start(&stage, "t", "2");

    CHECK_INT(stage_resume(one), TQ_RUN_WAITING);
    stage_end_wait(&stage);
    CHECK_INT(stage_resume(two), TQ_RUN_WAITING);
    stage_end_wait(&stage);
    CHECK_INT(stage_resume(one), TQ_RUN_DONE);
    CHECK_INT(stage_resume(two), TQ_RUN_DONE);
    CHECK_TEXT(tq_run_outcome(one)->result, "1");
    CHECK_TEXT(tq_run_outcome(two)->result, "2");
    tq_run_free(one);
    tq_run_free(two);
    stage_close(&stage);
}

/* Interrupts a handler in its wait; returns the outcome's run. */
static struct tq_run *interrupt_wait(struct stage *stage, const char *body, enum tq_stop reason)
{
    stage_open(stage);
    stage_load_body(stage, body);

    struct tq_run *run = stage_start(stage, "t", "{}");

    CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
    CHECK(tq_run_interrupt(run, reason, INT64_MAX));
    CHECK_INT(stage_resume(run), TQ_RUN_DONE);
    CHECK_INT(stage->live_waits, 0);
    return run;
}

UNIT_TEST(raises_an_interrupt_in_place_of_the_waits_result)
{
    struct stage stage;
    struct tq_run *run = interrupt_wait(&stage, "local ok, err = pcall(taskq.sleep, 1) return err",
                                        TQ_STOP_CANCELLED);

    CHECK_INT(tq_run_outcome(run)->kind, TQ_OUTCOME_SUCCESS);
    CHECK_TEXT(tq_run_outcome(run)->result, "\"cancelled: the task was cancelled while it ran\"");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(is_stopped_when_it_fails_after_an_interrupt)
{
    struct stage stage;
    struct tq_run *run = interrupt_wait(&stage, "taskq.sleep(1) return 1", TQ_STOP_CANCELLED);

    CHECK_INT(tq_run_outcome(run)->kind, TQ_OUTCOME_STOPPED);
    CHECK_INT(tq_run_outcome(run)->stop, TQ_STOP_CANCELLED);
    CHECK_TEXT(tq_run_outcome(run)->error_kind, "cancelled");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(interrupts_a_wait_in_nested_coroutines)
{
    struct stage stage;
    struct tq_run *run = interrupt_wait(
        &stage,
        "local co = coroutine.create(function() coroutine.wrap(function() taskq.sleep(1) end)() "
        "end) "
        "local ok, err = coroutine.resume(co) return { ok, err:match('interrupted') }",
        TQ_STOP_INTERRUPTED);

    CHECK_TEXT(tq_run_outcome(run)->result, "[false,\"interrupted\"]");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(interrupts_a_preempted_run)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage,
                    "local co = coroutine.wrap(function() "
                    "  local ok, err = pcall(function() while true do end end) return err end) "
                    "return co()");

    struct tq_run *run = stage_start(&stage, "t", "{}");

    CHECK_INT(tq_run_resume(run), TQ_RUN_PREEMPTED);
    CHECK(tq_run_interrupt(run, TQ_STOP_INTERRUPTED, INT64_MAX));
    CHECK_INT(stage_resume(run), TQ_RUN_DONE);
    CHECK_TEXT(tq_run_outcome(run)->result, "\"interrupted: the worker gives the task back\"");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(was_interrupted_when_it_saw_the_shutdown_and_failed)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, "if context.is_shutting_down() then "
                            "  return { success = false, error = 'worker shutting down' } end");
    stage.is_shutting_down = true;

    struct tq_run *run = stage_start(&stage, "t", "{}");
    const struct tq_outcome *outcome = stage_finish(&stage, run);

    CHECK_INT(outcome->kind, TQ_OUTCOME_STOPPED);
    CHECK_INT(outcome->stop, TQ_STOP_INTERRUPTED);
    CHECK_TEXT(outcome->error, "worker shutting down");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(stops_a_waiting_run_and_closes_its_variables)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "lib/closed.lua", "return {}");
    stage_load_body(&stage,
                    "local closed = require 'closed' "
                    "if context.task.payload == 'show' then return closed end "
                    "local function closing(name) return setmetatable({}, { __close = function() "
                    "  table.insert(closed, name) "
                    "  table.insert(closed, select(2, pcall(taskq.sleep, 1))) end }) end "
                    "local a <close> = closing('outer') "
                    "coroutine.wrap(function() "
                    "  local b <close> = closing('inner') taskq.sleep(1) end)()");

    struct tq_run *run = stage_start(&stage, "t", "{}");

    CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
    tq_run_stop(run, TQ_STOP_INTERRUPTED);
    CHECK_INT(stage.live_waits, 0);
    CHECK_INT(stage_resume(run), TQ_RUN_DONE);
    CHECK_INT(tq_run_outcome(run)->kind, TQ_OUTCOME_STOPPED);
    CHECK_TEXT(tq_run_outcome(run)->error_kind, "interrupted");
    tq_run_free(run);

    char *expected = tq_format("[\"inner\",\"%s/t.lua:3: taskq.sleep cannot wait while the task is "
                               "being stopped\",\"outer\",\"%s/t.lua:3: taskq.sleep cannot wait "
                               "while the task is being stopped\"]",
                               stage.folder, stage.folder);

    stage_check_result(&stage, "\"show\"", expected);
    free(expected);
    stage_close(&stage);
}

UNIT_TEST(can_be_stopped_or_freed_before_it_started)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, "return 1");

    struct tq_run *stopped = stage_start(&stage, "t", "{}"),
                  *freed = stage_start(&stage, "t", "{}");

    tq_run_stop(stopped, TQ_STOP_INTERRUPTED);
    CHECK_INT(tq_run_outcome(stopped)->kind, TQ_OUTCOME_STOPPED);
    tq_run_free(stopped);
    tq_run_free(freed);
    stage_check_result(&stage, "{}", "1");
    stage_close(&stage);
}

UNIT_TEST(is_stopped_when_its_time_passed_while_it_waited)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, "taskq.sleep(1) return 1");
    stage.soft_ms = stage.hard_ms = 0;

    struct tq_run *run = stage_start(&stage, "t", "{}");

    CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
    CHECK_INT(stage_resume(run), TQ_RUN_DONE);
    CHECK_INT(tq_run_outcome(run)->stop, TQ_STOP_TIMEOUT);
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(reuses_coroutines_without_growth)
{
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, "local n = context.task.payload "
                            "if n == 1 then error('x') elseif n == 2 then taskq.sleep(1) end");

    size_t first_bytes = 0;

    for (int i = 0; i < 20000; i++) {
        struct tq_run *run = stage_start(&stage, "t", i % 3 == 0 ? "1" : i % 3 == 1 ? "2" : "3");

        if (i % 6 == 1) {
            CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
            tq_run_stop(run, TQ_STOP_CANCELLED);
        } else {
            (void)stage_finish(&stage, run);
        }
        tq_run_free(run);
        if (i == 2000)
            first_bytes = tq_script_memory_bytes(stage.script);
    }
    CHECK(tq_script_memory_bytes(stage.script) < 3 * first_bytes);
    stage_close(&stage);
}

static int released;

static void count_release(struct tq_run_part *part)
{
    (void)part;
    released++;
}

UNIT_TEST(parts_go_with_their_run)
{
    struct tq_run_part parts[3];
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage, "taskq.sleep(1) return 1");
    for (int round = 0; round < 2; round++) {
        struct tq_run *run = stage_start(&stage, "t", "{}");

        CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
        for (int i = 0; i < 3; i++) {
            parts[i].release = count_release;
            tq_run_add_part(run, &parts[i]);
        }
        tq_run_remove_part(run, &parts[1]);
        CHECK(tq_run_parts(run) == &parts[2]);
        released = 0;
        if (round == 0)
            tq_run_stop(run, TQ_STOP_CANCELLED);
        else
            (void)stage_finish(&stage, run);
        CHECK_INT(released, 2);
        CHECK(tq_run_parts(run) == NULL);
        tq_run_free(run);
    }
    stage_close(&stage);
}
