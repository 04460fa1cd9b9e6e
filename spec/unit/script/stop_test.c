// SPDX-License-Identifier: MIT
//
// Runs that are told to end: why, how often, and what becomes of those that do not listen.
#include "base/clock.h"
#include "script/run.h"

#include "unit/script/stage.h"
#include "unit/unit.h"

/* Interrupts a handler in its wait, and resumes it to its end. */
static struct tq_run *interrupt_wait(struct stage *stage, const char *body, enum tq_stop reason)
{
    stage_open(stage);
    stage_load_body(stage, body);

    struct tq_run *run = stage_start(stage, "t", "{}");

    CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
    CHECK(tq_run_interrupt(run, reason, INT64_MAX));
    CHECK(!tq_run_interrupt(run, reason, INT64_MAX));
    CHECK_INT(stage_resume(run), TQ_RUN_DONE);
    return run;
}

UNIT_TEST(tells_of_a_cancel_once_and_truthfully)
{
    struct stage stage;
    struct tq_run *run =
        interrupt_wait(&stage,
                       "local before, seen = context.is_cancelled() "
                       "local clean <close> = setmetatable({}, {__close = function() "
                       "  seen = context.is_cancelled() end}) "
                       "local ok, err = pcall(taskq.sleep, 1) "
                       "return {before, context.is_cancelled(), err}",
                       TQ_STOP_CANCELLED);

    CHECK_TEXT(tq_run_outcome(run)->result,
               "[false,true,\"cancelled: the task was cancelled while it ran\"]");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(is_not_cancelled_by_its_timeout)
{
    struct stage stage;
    struct tq_run *run = interrupt_wait(
        &stage, "pcall(taskq.sleep, 1) return context.is_cancelled()", TQ_STOP_TIMEOUT);

    CHECK_TEXT(tq_run_outcome(run)->result, "false");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(is_stopped_as_cancelled_when_it_goes_on)
{
    struct stage stage;
    struct tq_run *run;

    stage_open(&stage);
    stage_load_body(&stage, "while true do pcall(function() while true do end end) end");
    run = stage_start(&stage, "t", "{}");
    CHECK_INT(tq_run_resume(run), TQ_RUN_PREEMPTED);
    CHECK(tq_run_interrupt(run, TQ_STOP_CANCELLED, tq_clock_us() + 20000));
    CHECK_INT(stage_resume(run), TQ_RUN_DONE);
    CHECK_INT(tq_run_outcome(run)->stop, TQ_STOP_CANCELLED);
    CHECK_TEXT(tq_run_outcome(run)->error_kind, "cancelled");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(is_condemned_while_it_waits)
{
    struct stage stage;
    struct tq_run *large, *small;

    stage_open(&stage);
    stage.memory_cap_bytes = 64 << 20;
    stage_write(&stage, "a.lua",
                "local taskq = require 'taskq' "
                "local function hold(mb) local list = {} "
                "  for i = 1, mb do list[i] = i .. ('x'):rep(1 << 20) end "
                "  taskq.sleep(1) return #list end "
                "return {{type = 'large', handler = function() return hold(34) end},"
                "{type = 'small', handler = function() return hold(20) end}}");
    stage_load(&stage);
    large = stage_start(&stage, "large", "{}");
    CHECK_INT(stage_resume(large), TQ_RUN_WAITING);
    CHECK(!tq_run_is_condemned(large));
    small = stage_start(&stage, "small", "{}");
    CHECK_INT(stage_resume(small), TQ_RUN_WAITING);
    CHECK(tq_run_is_condemned(large));
    CHECK(!tq_run_is_condemned(small));
    tq_run_stop(large, TQ_STOP_TIMEOUT);
    CHECK_INT(tq_run_outcome(large)->stop, TQ_STOP_MEMORY);
    tq_run_free(large);
    tq_run_free(small);
    stage_close(&stage);
}
