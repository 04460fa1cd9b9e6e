// SPDX-License-Identifier: MIT
//
// What a run keeps of what its handler says.
#include <string.h>

#include "unit/script/stage.h"
#include "unit/unit.h"

/* The notes of a run with this body; the stage is to be closed. */
static const char *notes_of(struct stage *stage, struct tq_run **run, const char *body)
{
    stage_open(stage);
    stage_load_body(stage, body);
    *run = stage_start(stage, "t", "{}");
    return stage_finish(stage, *run)->notes;
}

static void close(struct stage *stage, struct tq_run *run)
{
    tq_run_free(run);
    stage_close(stage);
}

UNIT_TEST(a_quiet_run_has_no_notes)
{
    struct stage stage;
    struct tq_run *run;

    CHECK(notes_of(&stage, &run, "return 1") == NULL);
    close(&stage, run);
}

UNIT_TEST(progress_is_kept_and_told_once)
{
    struct stage stage;
    struct tq_run *run;
    const char *notes =
        notes_of(&stage, &run, "context.progress(0.1) context.progress(0.5, 'half\\xff')");

    CHECK_TEXT(notes, "{\"progress\":{\"fraction\":0.5,\"message\":\"half\xef\xbf\xbd\"}}");
    CHECK_INT(stage.reports, 2);
    CHECK_TEXT(tq_run_take_progress(run), "{\"fraction\":0.5,\"message\":\"half\xef\xbf\xbd\"}");
    CHECK(tq_run_take_progress(run) == NULL);
    close(&stage, run);
}

UNIT_TEST(progress_is_a_fraction)
{
    stage_check_body("local list = {}"
                     "for _, x in ipairs {-0.1, 1.1, 0/0, 1/0} do "
                     "  list[#list + 1] = select(2, pcall(context.progress, x)):match('fraction') "
                     "end return list",
                     "{}", "[\"fraction\",\"fraction\",\"fraction\",\"fraction\"]");
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
        count++;
    return count;
}

UNIT_TEST(the_last_lines_are_kept)
{
    struct stage stage;
    struct tq_run *run;
    const char *notes = notes_of(&stage, &run, "for i = 1, 250 do print('line ' .. i .. '.') end");

    CHECK_INT((int64_t)count_of(notes, "\"message\":\"line "), 100);
    CHECK(strstr(notes, "line 150.") == NULL);
    CHECK(strstr(notes, "line 151.") != NULL);
    CHECK(strstr(notes, "line 250.\"}],\"log_dropped\":150}") != NULL);
    close(&stage, run);
}

UNIT_TEST(lines_are_bounded_in_bytes)
{
    struct stage stage;
    struct tq_run *run;
    const char *notes = notes_of(&stage, &run,
                                 "for i = 1, 50 do print(i .. (' x'):rep(1500)) end "
                                 "print(('y'):rep(1e6))");

    CHECK(strlen(notes) < 18 * 1024);
    CHECK_INT((int64_t)count_of(notes, " x x x\"}"), 4);
    CHECK(strstr(notes, "yyy\",\"truncated\":true}],\"log_dropped\":46}") != NULL);
    close(&stage, run);
}

UNIT_TEST(a_stopped_run_keeps_its_notes)
{
    struct stage stage;
    struct tq_run *run;

    stage_open(&stage);
    stage_load_body(&stage,
                    "local _ <close> = setmetatable({}, {__close = function() print 'closed' "
                    "end}) print 'begun' require 'taskq'.sleep(1000)");
    run = stage_start(&stage, "t", "{}");
    CHECK_INT(stage_resume(run), TQ_RUN_WAITING);
    tq_run_stop(run, TQ_STOP_CANCELLED);
    CHECK(strstr(tq_run_outcome(run)->notes, "begun") != NULL);
    CHECK(strstr(tq_run_outcome(run)->notes, "closed") != NULL);
    close(&stage, run);
}
