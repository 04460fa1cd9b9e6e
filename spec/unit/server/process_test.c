// SPDX-License-Identifier: MIT
//
// Children of the keeper.
#include "server/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "unit/unit.h"

/* What a shell script writes, which is the caller's to free; its end goes to err. */
static char *run(const char *script, int kept_fd, struct tq_err *err)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const struct tq_process process = {argv, SIGKILL, kept_fd};
    struct tq_buf output = {0};

    *err = (struct tq_err){0};
    tq_buf_add_text(&output, "");
    if (tq_process_run(&process, &output, err))
        CHECK_INT(err->domain, TQ_ERR_NONE);
    return tq_buf_take(&output);
}

UNIT_TEST(runs_a_program_and_reads_what_it_writes)
{
    struct tq_err err;
    char *output = run("echo one; echo two >&2; cat", -1, &err);

    CHECK_TEXT(output, "one\ntwo\n");
    CHECK_TEXT(err.message, "");
    free(output);
}

UNIT_TEST(says_how_a_program_ended)
{
    struct tq_err err;

    free(run("exit 3", -1, &err));
    CHECK_TEXT(err.message, "/bin/sh ended with status 3");
    free(run("kill -9 $$", -1, &err));
    CHECK_TEXT(err.message, "/bin/sh was killed by signal 9");
}

UNIT_TEST(says_that_there_is_no_program)
{
    const char *const argv[] = {"/nowhere/initdb", NULL};
    const struct tq_process process = {argv, SIGKILL, -1};
    struct tq_buf output = {0};
    struct tq_err err;

    CHECK(!tq_process_run(&process, &output, &err));
    CHECK_TEXT(output.data, "cannot run /nowhere/initdb: No such file or directory\n");
    tq_buf_deinit(&output);
}

UNIT_TEST(keeps_the_users_settings_from_programs)
{
    struct tq_err err;
    char *output;

    CHECK(setenv("PGPORT", "1", 1) == 0 && setenv("LC_ALL", "de_DE.UTF-8", 1) == 0);
    output = run("echo \"$PGPORT/$LC_ALL\"", -1, &err);
    CHECK_TEXT(output, "/C\n");
    free(output);
}

UNIT_TEST(passes_one_descriptor_on)
{
    struct tq_err err;
    int kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char *script = tq_format("test -e /proc/$$/fd/%d && ! test -e /proc/$$/fd/%d", kept, other);

    free(run(script, kept, &err));
    CHECK_TEXT(err.message, "");
    free(script);
    CHECK(close(kept) == 0 && close(other) == 0);
}
