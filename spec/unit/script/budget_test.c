// SPDX-License-Identifier: MIT
//
// Memory: a task that takes more than its share is stopped, whatever it catches, and its neighbours
// go on; the n-th allocation may fail anywhere.
#include "script/state.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

static void check_stopped(const char *body)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "after.lua",
                "return { type = 'after', handler = function() return 1 end }");
    stage_load_body(&stage, body);

    struct tq_run *run = stage_start(&stage, "t", "{}");
    const struct tq_outcome *outcome = stage_finish(&stage, run);

    CHECK_TEXT(outcome->error_kind, "memory");
    CHECK_INT(outcome->stop, TQ_STOP_MEMORY);
    CHECK_TEXT(outcome->error, "memory: the task needs more than 67108864 bytes");
    tq_run_free(run);

    run = stage_start(&stage, "after", "{}");
    CHECK_TEXT(stage_finish(&stage, run)->result, "1");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(stops_a_table_that_grows_for_ever)
{
    check_stopped("local t = {} while true do t[#t + 1] = #t end");
}

UNIT_TEST(stops_it_though_it_catches_the_error)
{
    check_stopped(
        "local t = {} while true do pcall(function() while true do t[#t + 1] = {} end end) end");
}

UNIT_TEST(stops_it_in_nested_coroutines)
{
    check_stopped("local t = {} while true do pcall(coroutine.wrap(function() "
                  "  while true do t[#t + 1] = {} end end)) end");
}

UNIT_TEST(stops_a_string_that_is_too_long)
{
    check_stopped("pcall(string.rep, 'x', 1 << 30) while true do end");
    check_stopped("local s = 'x' while true do s = s .. s end");
}

UNIT_TEST(gives_no_credit_for_what_others_have_left)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "before.lua",
                "return { type = 'before', handler = function() return #('x'):rep(30 << 20) end }");
    stage_load_body(&stage, "local l = {} for i = 1, 3 do l[i] = ('x'):rep((22 << 20) + i) end "
                            "return #l");

    struct tq_run *run = stage_start(&stage, "before", "{}");

    CHECK_TEXT(stage_finish(&stage, run)->result, "31457280");
    tq_run_free(run);
    run = stage_start(&stage, "t", "{}");
    CHECK_TEXT(stage_finish(&stage, run)->error_kind, "memory");
    tq_run_free(run);
    stage_close(&stage);
}

UNIT_TEST(allows_much_garbage)
{
    stage_check_body(
        "local n = 0 for i = 1, 300 do local s = ('x'):rep(1024 * 1024 + i) n = n + #s end "
        "for i = 1, 1000000 do local t = { i } end return n > 0",
        "{}", "true");
}

UNIT_TEST(obeys_the_handlers_own_limit)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "a.lua",
                "return { type = 't', memory_limit = 2 * 1024 * 1024, "
                "handler = function() return #('x'):rep(4 * 1024 * 1024) end }");
    stage_load(&stage);

    struct tq_run *run = stage_start(&stage, "t", "{}");

    CHECK_TEXT(stage_finish(&stage, run)->error, "memory: the task needs more than 2097152 bytes");
    tq_run_free(run);
    stage_close(&stage);
}

static void run_to_wait(struct stage *stage, struct tq_run *run)
{
    CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
    stage_end_wait(stage);
}

UNIT_TEST(stops_the_largest_run_when_the_state_is_nearly_full)
{
    struct stage stage;

    stage_open(&stage);
    stage.memory_cap_bytes = 40 * 1024 * 1024;
    stage_load_body(&stage, "local mine = {} for i = 1, context.task.payload do "
                            "  mine[i] = ('x'):rep(1024 * 1024) .. i end "
                            "taskq.sleep(1) return #mine");

    struct tq_run *large = stage_start(&stage, "t", "20"), *small = stage_start(&stage, "t", "15");

    run_to_wait(&stage, large);
    run_to_wait(&stage, small);
    CHECK_INT(stage_resume(large), TQ_RUN_DONE);
    CHECK_INT(tq_run_outcome(large)->stop, TQ_STOP_MEMORY);
    tq_run_free(large);
    CHECK_INT(stage_resume(small), TQ_RUN_DONE);
    CHECK_TEXT(tq_run_outcome(small)->result, "15");
    tq_run_free(small);
    stage_close(&stage);
}

/* With each cap from too small for a state to large enough for the handler, everything either works
   or fails as it should. Steps of 1 kB meet most allocations. */
UNIT_TEST(survives_a_failure_of_any_allocation)
{
    bool has_succeeded = false;

    for (size_t cap = 1024; !has_succeeded; cap += 1024) {
        struct stage stage;
        struct tq_err err;

        CHECK(cap < 1024 * 1024);
        stage_open(&stage);
        stage.memory_cap_bytes = cap;
        stage_write(
            &stage, "t.lua",
            "local taskq = require 'taskq' local function work(context) "
            "  local co = coroutine.wrap(function() taskq.sleep(1) coroutine.yield(1) end) co() "
            "  local t = {} for i = 1, 2000 do t[i] = i end "
            "  return taskq.json.encode(context.task.payload) end "
            "return { type = 't', handler = work }");
        if (stage_try_load(&stage, &err)) {
            struct tq_run *run = stage_start(&stage, "t", "[1,{\"a\":\"text\"}]");
            const struct tq_outcome *outcome = stage_finish(&stage, run);

            has_succeeded = outcome->kind == TQ_OUTCOME_SUCCESS;
            CHECK(has_succeeded || outcome->error != NULL);
            tq_run_free(run);
        } else {
            CHECK_INT(err.domain, TQ_ERR_HANDLERS);
        }
        stage_close(&stage);
    }
}

UNIT_TEST(charges_what_the_host_holds_for_a_run)
{
    enum { MB = 1024 * 1024 };
    struct stage stage;

    stage_open(&stage);
    stage_load_body(&stage,
                    "taskq.sleep(1) local t = {} for i = 1, 1500000 do t[i] = i end return #t");
    struct tq_run *run = stage_start(&stage, "t", "{}");
    size_t before = tq_script_memory_bytes(stage.script);

    CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
    CHECK(tq_run_charge(run, 40 * MB));
    CHECK(!tq_run_charge(run, 30 * MB));
    CHECK(tq_script_memory_bytes(stage.script) >= before + 40 * MB);
    CHECK_TEXT(stage_finish(&stage, run)->error_kind, "memory");
    tq_run_discharge(run, 40 * MB);
    tq_run_free(run);

    stage_check_result(&stage, "{}", "1500000");
    stage_close(&stage);
}
