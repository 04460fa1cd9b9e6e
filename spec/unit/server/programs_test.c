// SPDX-License-Identifier: MIT
//
// Looking for PostgreSQL, which scripts pretend to be here.
#include "server/programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "unit/unit.h"

/* A folder with programs that say that they are PostgreSQL of this version. */
static char *pretend(const char *version)
{
    char *folder = tq_strdup("/tmp/taskq-unit-XXXXXX");
    char *command;

    CHECK(mkdtemp(folder) != NULL);
    command = tq_format("cd %s && echo '#!/bin/sh' >initdb && cp initdb postgres && chmod +x * && "
                        "echo 'echo \"postgres (PostgreSQL) %s (Debian)\"' >>postgres",
                        folder, version);
    CHECK_INT(system(command), 0);
    free(command);
    return folder;
}

static void discard(char *folder)
{
    char *command = tq_format("rm -r %s", folder);

    CHECK_INT(system(command), 0);
    free(command);
    free(folder);
}

UNIT_TEST(finds_what_the_user_names)
{
    char *folder = pretend("18beta1");
    struct tq_programs programs;
    struct tq_err err;

    CHECK(setenv("TASKQ_PG_BIN", folder, 1) == 0);
    CHECK_OK(tq_programs_find(0, &programs, &err), &err);
    CHECK_TEXT(programs.folder, folder);
    CHECK_INT(programs.major, 18);
    tq_programs_free(&programs);
    discard(folder);
}

UNIT_TEST(finds_what_is_in_path_by_its_real_folder)
{
    char *folder = pretend("16.2");
    char *other = pretend("17.0");
    char *link = tq_format("rm %s/* && ln -s %s/initdb %s", other, folder, other);
    struct tq_programs programs;
    struct tq_err err;

    CHECK_INT(system(link), 0);
    CHECK(unsetenv("TASKQ_PG_BIN") == 0 && setenv("PATH", other, 1) == 0);
    CHECK_OK(tq_programs_find(0, &programs, &err), &err);
    CHECK_TEXT(programs.folder, folder);
    tq_programs_free(&programs);
    CHECK(setenv("PATH", "/usr/bin:/bin", 1) == 0);
    free(link);
    discard(folder);
    discard(other);
}

UNIT_TEST(refuses_other_versions)
{
    char *folder = pretend("14.9");
    struct tq_programs programs;
    struct tq_err err;

    CHECK(setenv("TASKQ_PG_BIN", folder, 1) == 0);
    CHECK(!tq_programs_find(0, &programs, &err));
    CHECK(strstr(err.message, "no PostgreSQL server from version 15 on is installed") != NULL);
    CHECK(strstr(err.message, "found: 14 in /tmp/") != NULL);
    CHECK(!tq_programs_find(16, &programs, &err));
    CHECK(strstr(err.message, "postgresql-16") != NULL);
    discard(folder);
}
