// SPDX-License-Identifier: MIT
//
// Loading a folder: which files run, and how a wrong one is refused.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "script/state.h"
#include "unit/script/stage.h"
#include "unit/unit.h"

/* Loading the file a.lua with this text fails with this message ("DIR" stands for the folder). */
static void check_refused(const char *text, const char *message)
{
    struct stage stage;
    struct tq_err err;

    stage_open(&stage);
    stage_write(&stage, "a.lua", text);
    CHECK(!stage_try_load(&stage, &err));
    CHECK_INT(err.domain, TQ_ERR_HANDLERS);

    size_t len = strlen(stage.folder);
    const char *start =
        strncmp(err.message, stage.folder, len) == 0 ? err.message + len + 1 : err.message;

    CHECK_TEXT(start, message);
    stage_close(&stage);
}

/* A handler of type x with more fields. */
#define HANDLER(fields) "return { type = 'x', handler = print, " fields " }"

UNIT_TEST(loads_a_handler_with_all_its_fields)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(
        &stage, "a.lua",
        HANDLER("timeout = 1500.7, max_attempts = 7, max_age = 60000, memory_limit = 2097152, "
                "backoff = { kind = 'linear', base = 100, cap = 5000, jitter = 0.5 }"));
    stage_load(&stage);
    CHECK_INT(tq_script_handler_count(stage.script), 1);

    const struct tq_handler *handler = tq_script_handler(stage.script, 0);

    CHECK_TEXT(handler->type, "x");
    CHECK_INT(handler->timeout_ms, 1500);
    CHECK_INT(handler->max_attempts, 7);
    CHECK_INT(handler->max_age_ms, 60000);
    CHECK_INT(handler->memory_limit_bytes, 2097152);
    CHECK_INT(handler->backoff.kind, TQ_BACKOFF_LINEAR);
    CHECK_INT(handler->backoff.base_ms, 100);
    CHECK_INT(handler->backoff.cap_ms, 5000);
    CHECK(handler->backoff.jitter == 0.5);
    CHECK(strstr(handler->file, "/a.lua") != NULL);
    stage_close(&stage);
}

UNIT_TEST(has_defaults_for_all_but_type_and_function)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "a.lua",
                "return { type = 'x', handler = print, backoff = { base = 1e9 } }");
    stage_load(&stage);

    const struct tq_handler *handler = tq_script_find(stage.script, "x");

    CHECK_INT(handler->timeout_ms, 0);
    CHECK_INT(handler->max_attempts, 0);
    CHECK_INT(handler->max_age_ms, 0);
    CHECK_INT(handler->memory_limit_bytes, 64 * 1024 * 1024);
    CHECK_INT(handler->backoff.kind, tq_backoff_default.kind);
    CHECK_INT(handler->backoff.cap_ms, 1000000000);
    CHECK(tq_script_find(stage.script, "y") == NULL);
    stage_close(&stage);
}

UNIT_TEST(loads_lists_subfolders_and_listeners_sorted_by_type)
{
    struct stage stage;

    stage_open(&stage);
    stage_write(&stage, "z.lua",
                "return { { type = 'c', handler = print }, { type = 'a', handler = print } }");
    stage_write(&stage, "sub/deep/b.lua", "return { type = 'b', handler = print }");
    stage_write(&stage, "listeners/log.lua", "assert(require 'money'.unit == 'cent')");
    stage_write(&stage, "lib/money.lua", "return { unit = 'cent' }");
    stage_write(&stage, "lib/broken.lua", "this is no Lua");
    stage_write(&stage, "spec/a_spec.lua", "this is no Lua");
    stage_write(&stage, "spec/support.lua", "this is no Lua");
    stage_write(&stage, "billing/invoice_spec.lua", "this is no Lua");
    stage_write(&stage, ".hidden.lua", "error('read')");
    stage_write(&stage, "notes.txt", "error('read')");
    stage_write(&stage, "..data/x.lua", "error('read')");
    stage_load(&stage);
    CHECK_INT(tq_script_handler_count(stage.script), 3);
    CHECK_TEXT(tq_script_handler(stage.script, 0)->type, "a");
    CHECK_TEXT(tq_script_handler(stage.script, 1)->type, "b");
    CHECK_TEXT(tq_script_handler(stage.script, 2)->type, "c");
    stage_close(&stage);
}

UNIT_TEST(accepts_an_empty_folder)
{
    struct stage stage;

    stage_open(&stage);
    stage_load(&stage);
    CHECK_INT(tq_script_handler_count(stage.script), 0);
    stage_close(&stage);
}

UNIT_TEST(refuses_a_folder_that_is_not_there)
{
    struct tq_source *source;
    struct tq_err err;

    CHECK(!tq_source_read("/nowhere/handlers/", &source, &err));
    CHECK_INT(err.domain, TQ_ERR_HANDLERS);
    CHECK_TEXT(err.message,
               "cannot read the folder /nowhere/handlers: No such file or directory: make it, or "
               "name the folder of the handlers with --handlers");
}

UNIT_TEST(names_the_line_of_an_error)
{
    check_refused("local x = \n", "a.lua:2: unexpected symbol near <eof>");
    check_refused("\nerror('no config')", "a.lua:2: no config");
    check_refused("error('no position', 0)", "a.lua: no position");
    check_refused("error({})", "a.lua: raised an error that is a table");
    check_refused("\033Lua", "a.lua: attempt to load a binary chunk (mode is 't')");
}

UNIT_TEST(refuses_what_is_no_handler)
{
    const char *message =
        "a.lua: must return a handler, such as { type = \"email:send\", handler = "
        "function(context) ... end }, or a list of them, not %s (a module for require "
        "belongs below lib/)";
    const struct {
        const char *text, *found;
    } cases[] = {
        {"", "nothing"},
        {"local handler = { type = 'a' }", "nothing"},
        {"return 5", "a number"},
        {"return 'a'", "a string"},
        {"return {}", "an empty table"},
        {"return function() end", "a function"},
        {"return io.stderr", "userdata"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *expected = tq_format(message, cases[i].found);

        check_refused(cases[i].text, expected);
        free(expected);
    }
    check_refused("return { 5 }", "a.lua: item 1 of its list is a number, not a handler");
}

UNIT_TEST(refuses_fields_that_are_wrong)
{
    check_refused("return { handler = print }",
                  "a.lua: type: must be a text such as \"email:send\", not nil");
    check_refused(
        "return { type = 'a\\xff', handler = print }",
        "a.lua: type: must be a text such as \"email:send\", of at most 200 bytes, not \"a\xff\"");
    check_refused("return { type = 'x' }", "a.lua: handler: must be a function, not nil");
    check_refused(
        "return { type = 5, handler = print }",
        "a.lua: type: must be a text such as \"email:send\", of at most 200 bytes, not 5");
    check_refused(
        "return { type = '', handler = print }",
        "a.lua: type: must be a text such as \"email:send\", of at most 200 bytes, not \"\"");
    check_refused("return { type = 'x', handler = 'f' }",
                  "a.lua: handler: must be a function, not \"f\"");
    check_refused(HANDLER("timeout = '5s'"),
                  "a.lua: timeout: must be a number of milliseconds, 1 or more, not \"5s\"");
    check_refused(HANDLER("timeout = 0"),
                  "a.lua: timeout: must be a number of milliseconds, 1 or more, not 0");
    check_refused(HANDLER("timeout = 0/0"),
                  "a.lua: timeout: must be a number of milliseconds, 1 or more, not -nan");
    check_refused(HANDLER("max_age = 0"),
                  "a.lua: max_age: must be a number of milliseconds, 1 or more, not 0");
    check_refused(HANDLER("max_attempts = 1.5"),
                  "a.lua: max_attempts: must be a whole number from 1 to 1000, not 1.5");
    check_refused(HANDLER("max_attempts = 0"),
                  "a.lua: max_attempts: must be a whole number from 1 to 1000, not 0");
    check_refused(HANDLER("memory_limit = 100"),
                  "a.lua: memory_limit: must be a number of bytes, 1048576 or more, not 100");
    check_refused(
        HANDLER("backoff = 5"),
        "a.lua: backoff: must be a table such as { kind = \"fixed\", base = 5000 }, not 5");
    check_refused(HANDLER("backoff = { base = 100, cap = 50 }"),
                  "a.lua: backoff.cap: must not be less than backoff.base, not 50");
    check_refused(HANDLER("backoff = { jitter = 2 }"),
                  "a.lua: backoff.jitter: must be a number from 0 to 1, not 2");
    check_refused("return { { type = 'x', handler = print }, { type = 'y', handler = 1 } }",
                  "a.lua: handler 2: handler: must be a function, not 1");
}

UNIT_TEST(guesses_what_an_unknown_field_was_meant_to_be)
{
    check_refused(HANDLER("maxAttempts = 5"),
                  "a.lua: unknown field \"maxAttempts\" (did you mean \"max_attempts\"?)");
    check_refused(HANDLER("timout = 5"),
                  "a.lua: unknown field \"timout\" (did you mean \"timeout\"?)");
    check_refused(HANDLER("colour = 5"), "a.lua: unknown field \"colour\"");
    check_refused(HANDLER("backoff = { bsae = 5 }"),
                  "a.lua: unknown field of backoff \"bsae\" (did you mean \"base\"?)");
    check_refused(HANDLER("backoff = { kind = 'exponental' }"),
                  "a.lua: unknown backoff.kind \"exponental\" (did you mean \"exponential\"?)");
    check_refused("return { { type = 'x', handler = print, retries = 5 } }",
                  "a.lua: handler 1: unknown field \"retries\"");
}

UNIT_TEST(refuses_a_type_that_two_files_handle)
{
    struct stage stage;
    struct tq_err err;

    stage_open(&stage);
    stage_write(&stage, "a.lua", "return { type = 'x', handler = print }");
    stage_write(&stage, "b.lua", "return { type = 'x', handler = print }");
    CHECK(!stage_try_load(&stage, &err));

    char *expected = tq_format("%s/b.lua: type: \"x\" is already handled by %s/a.lua", stage.folder,
                               stage.folder);

    CHECK_TEXT(err.message, expected);
    free(expected);
    stage_close(&stage);
}

UNIT_TEST(stops_a_file_that_loops)
{
    static const char *const loops[] = {
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(coroutine.wrap(function() while true do end end)) end",
        "while true do xpcall(function() while true do end end, function() while true do end end) "
        "end",
        "table.sort({ 1, 2, 3 }, function() while true do pcall(error) end end)",
    };

    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        int64_t start_us = tq_clock_thread_us();

        check_refused(
            loops[i],
            "a.lua: its top level ran for more than 1000 ms; move the work into a handler");
        CHECK(tq_clock_thread_us() - start_us < 5000 * 1000);
    }
}

static void wait_ms(long ms)
{
    const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000 * 1000};

    (void)nanosleep(&span, NULL); /* nobody sends a signal */
}

/* Loads a file that computes for a while, and is stopped for longer than it may compute. */
static bool load_with_a_pause(void)
{
    struct stage stage;
    struct tq_err err;
    pid_t child;

    stage_open(&stage);
    stage_write(&stage, "a.lua",
                "local began = os.clock() while os.clock() - began < 0.1 do end "
                "return { type = 'x', handler = print }");
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        wait_ms(50);
        (void)kill(getppid(), SIGSTOP); /* it waits for us, and so is there */
        wait_ms(1200);
        (void)kill(getppid(), SIGCONT);
        _exit(0);
    }

    bool is_loaded = stage_try_load(&stage, &err);

    CHECK_INT(waitpid(child, NULL, 0), child);
    stage_close(&stage);
    return is_loaded;
}

/* A try that took longer than any loading may, on a machine that is very busy, tells nothing. */
UNIT_TEST(does_not_count_a_time_in_which_nothing_could_run)
{
    bool is_loaded;
    int64_t start_us;

    do {
        start_us = tq_clock_us();
        is_loaded = load_with_a_pause();
    } while (!is_loaded && tq_clock_us() - start_us >= 3000 * 1000);
    CHECK(is_loaded);
}

UNIT_TEST(stops_a_file_that_takes_all_memory)
{
    struct stage stage;
    struct tq_err err;

    stage_open(&stage);
    stage.memory_cap_bytes = 4 * 1024 * 1024;
    stage_write(&stage, "a.lua", "local t = {} while true do t[#t + 1] = {} end");
    CHECK(!stage_try_load(&stage, &err));
    CHECK(strstr(err.message, "a.lua: needs more than 4 MB of memory to load") != NULL);
    stage_close(&stage);
}

UNIT_TEST(does_not_wait_at_the_top_level)
{
    check_refused(
        "require 'taskq'.sleep(1)",
        "a.lua:1: taskq.sleep cannot wait while the file is loaded; call it in a handler");
}

UNIT_TEST(reads_through_links)
{
    struct stage stage;
    char target[128], link[128];

    stage_open(&stage);
    stage_write(&stage, "..data/x.lua", "return { type = 'x', handler = print }");
    (void)snprintf(target, sizeof target, "..data/x.lua");
    (void)snprintf(link, sizeof link, "%s/x.lua", stage.folder);
    CHECK(symlink(target, link) == 0);
    (void)snprintf(link, sizeof link, "%s/gone.lua", stage.folder);
    CHECK(symlink("nothing", link) == 0);
    stage_load(&stage);
    CHECK(tq_script_find(stage.script, "x") != NULL);
    CHECK(unlink(link) == 0);
    (void)snprintf(link, sizeof link, "%s/x.lua", stage.folder);
    CHECK(unlink(link) == 0);
    stage_close(&stage);
}

UNIT_TEST(loads_one_source_into_many_states)
{
    struct stage stage;
    struct tq_script *scripts[3];
    struct tq_script_config config = {.open_taskq = luaopen_taskq, .host = &stage.host};
    struct tq_source *source;
    struct tq_err err;

    stage_open(&stage);
    stage_write(&stage, "a.lua", "return { type = 'x', handler = print }");
    CHECK_OK(tq_source_read(stage.folder, &source, &err), &err);
    for (int i = 0; i < 3; i++)
        CHECK_OK(tq_script_new(&config, source, &scripts[i], &err), &err);
    tq_source_unref(source);
    for (int i = 0; i < 3; i++) {
        CHECK(tq_script_memory_bytes(scripts[i]) < 256 * 1024);
        tq_script_free(scripts[i]);
    }
    stage_close(&stage);
}
