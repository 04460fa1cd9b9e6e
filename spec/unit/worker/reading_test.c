// SPDX-License-Identifier: MIT
//
// Looking at the handlers' folder again and again.
#include "worker/reading.h"

#include <string.h>

#include "base/clock.h"
#include "script/script.h"
#include "unit/script/stage.h"
#include "unit/unit.h"
#include "worker/generation.h"

#define HANDLER(type) "return { type = '" type "', handler = print }"

static const struct tq_texts all = {0};

/* A folder with one handler of type a, which is the current generation. */
static void open_reading(struct stage *stage, struct tq_reading *reading)
{
    struct tq_err err;

    stage_open(stage);
    stage_write(stage, "a.lua", HANDLER("a"));
    *reading = (struct tq_reading){.folder = stage->folder, .wanted = &all, .script_count = 2};
    CHECK_OK(tq_generation_load(stage->folder, &all, NULL, &reading->current, &err), &err);
}

static void close_reading(struct stage *stage, struct tq_reading *reading)
{
    tq_reading_deinit(reading);
    tq_generation_unref(reading->current);
    stage_close(stage);
}

static enum tq_reading_outcome look(struct tq_reading *reading)
{
    tq_reading_clear(reading);
    reading->is_quiet = reading->is_forced = false;
    tq_reading_run(reading);
    return reading->outcome;
}

static enum tq_reading_outcome read_quiet(struct tq_reading *reading)
{
    tq_reading_clear(reading);
    reading->is_quiet = true;
    tq_reading_run(reading);
    return reading->outcome;
}

UNIT_TEST(reads_the_same_as_the_same)
{
    struct stage stage;
    struct tq_reading reading;

    open_reading(&stage, &reading);

    CHECK_INT(look(&reading), TQ_READING_SAME);
    CHECK_INT(read_quiet(&reading), TQ_READING_SAME);
    CHECK_INT(reading.folders.count, 1);
    CHECK_TEXT(reading.folders.items[0].name, stage.folder);
    close_reading(&stage, &reading);
}

/* On a machine that is busy a file may be two seconds old before it is looked at. */
static void look_at_young_files(struct stage *stage, struct tq_reading *reading)
{
    int64_t written_us;

    do {
        written_us = tq_clock_wall_us();
        stage_write(stage, "a.lua", HANDLER("a"));
        CHECK_INT(look(reading), TQ_READING_SAME);
    } while (tq_clock_wall_us() - written_us > 1000 * 1000);
}

UNIT_TEST(does_not_trust_the_times_of_young_files)
{
    struct stage stage;
    struct tq_reading reading;

    open_reading(&stage, &reading);

    look_at_young_files(&stage, &reading);
    CHECK_INT(reading.stamp, 0);
    CHECK_INT(look(&reading), TQ_READING_SAME); /* and not: unchanged */
    close_reading(&stage, &reading);
}

UNIT_TEST(only_notices_a_change_that_nobody_told_of)
{
    struct stage stage;
    struct tq_reading reading;

    open_reading(&stage, &reading);
    CHECK_INT(look(&reading), TQ_READING_SAME);
    stage_write(&stage, "a.lua", HANDLER("b"));

    CHECK_INT(look(&reading), TQ_READING_STIRRED);
    CHECK(reading.generation == NULL);
    CHECK_INT(read_quiet(&reading), TQ_READING_LOADED);
    close_reading(&stage, &reading);
}

UNIT_TEST(loads_a_change_for_every_thread)
{
    struct stage stage;
    struct tq_reading reading;

    open_reading(&stage, &reading);
    stage_write(&stage, "sub/b.lua", HANDLER("b"));

    CHECK_INT(read_quiet(&reading), TQ_READING_LOADED);

    CHECK_INT(reading.generation->number, 2);
    CHECK_INT(reading.generation->type_count, 2);
    CHECK_TEXT(reading.change, "new: sub/b.lua");
    CHECK_INT(tq_script_handler_count(reading.scripts[0]), 2);
    CHECK_INT(tq_script_handler_count(reading.scripts[1]), 2);
    CHECK(reading.scripts[0] != reading.scripts[1]);
    CHECK_INT(reading.folders.count, 2);
    close_reading(&stage, &reading);
}

UNIT_TEST(does_not_load_again_what_did_not_load)
{
    struct stage stage;
    struct tq_reading reading;

    open_reading(&stage, &reading);
    stage_write(&stage, "a.lua", "return {\n  1 +\n}");

    CHECK_INT(read_quiet(&reading), TQ_READING_FAILED);
    CHECK(strstr(reading.err.message, "a.lua:3: unexpected symbol near '}'") != NULL);
    CHECK_TEXT(reading.quote, "}");
    CHECK_INT(reading.err.domain, TQ_ERR_HANDLERS);
    CHECK(reading.rejected != NULL);
    reading.stamp = 0; /* it would be trusted, had all this taken seconds */
    CHECK_INT(look(&reading), TQ_READING_FAILED); /* not stirred */
    CHECK(strstr(reading.err.message, "a.lua:3:") != NULL);

    stage_write(&stage, "a.lua", HANDLER("a"));
    CHECK_INT(look(&reading), TQ_READING_SAME);
    CHECK(reading.rejected == NULL);
    close_reading(&stage, &reading);
}

UNIT_TEST(loads_what_is_asked_for_without_a_change)
{
    struct stage stage;
    struct tq_reading reading;

    open_reading(&stage, &reading);
    reading.is_forced = true;

    tq_reading_run(&reading);

    CHECK_INT(reading.outcome, TQ_READING_LOADED);
    CHECK_TEXT(reading.change, NULL);
    close_reading(&stage, &reading);
}

UNIT_TEST(loads_no_state_that_is_not_wanted_any_more)
{
    struct stage stage;
    struct tq_reading reading;

    open_reading(&stage, &reading);
    stage_write(&stage, "a.lua", HANDLER("b"));
    atomic_store(&reading.is_unwanted, true);

    CHECK_INT(read_quiet(&reading), TQ_READING_FAILED);
    CHECK_TEXT(reading.err.message, "what is read is not wanted any more");
    CHECK(reading.generation == NULL);
    CHECK(reading.scripts == NULL);
    close_reading(&stage, &reading);
}

UNIT_TEST(fails_without_a_folder)
{
    struct stage stage;
    struct tq_reading reading;

    open_reading(&stage, &reading);
    reading.folder = "/nowhere/handlers";

    CHECK_INT(look(&reading), TQ_READING_FAILED);
    CHECK_TEXT(reading.err.message,
               "cannot read the folder /nowhere/handlers: No such file or directory");
    CHECK_INT(reading.folders.count, 0);

    reading.folder = stage.folder;
    CHECK_INT(look(&reading), TQ_READING_SAME);
    close_reading(&stage, &reading);
}

/* The files are too young for a stamp that is trusted; so the test says that it is. */
UNIT_TEST(reads_nothing_when_the_stamp_is_the_same)
{
    struct stage stage;
    struct tq_reading reading;

    open_reading(&stage, &reading);
    CHECK_INT(look(&reading), TQ_READING_SAME);
    reading.stamp = reading.seen;

    CHECK_INT(look(&reading), TQ_READING_UNCHANGED);
    CHECK_INT(read_quiet(&reading), TQ_READING_SAME);
    stage_write(&stage, "b.lua", HANDLER("b"));
    reading.stamp = reading.seen;
    CHECK_INT(look(&reading), TQ_READING_STIRRED);
    close_reading(&stage, &reading);
}
