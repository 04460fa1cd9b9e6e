// SPDX-License-Identifier: MIT
//
// Looking for initdb and postgres.
#include "server/programs.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "server/process.h"

enum { LEAST_MAJOR = 15 };

static const char *const patterns[] = {
    "/usr/lib/postgresql/*/bin", /* Debian */
    "/usr/pgsql-*/bin",          /* PostgreSQL's packages for Red Hat */
    "/usr/libexec/postgresql*",  /* Alpine */
    "/usr/local/pgsql/bin",      /* its own make install */
};

/* What a search has seen. */
struct search {
    int major; /* the wanted one; 0: any from LEAST_MAJOR on */
    struct tq_programs best;
    struct tq_buf others; /* "15 in /usr/lib/postgresql/15/bin", for the error */
};

/* The version that `postgres --version` prints, "postgres (PostgreSQL) 15.18 (...)"; 0: it does
   not run. */
static int ask_major(const char *program)
{
    const char *const argv[] = {program, "--version", NULL};
    const struct tq_process process = {argv, SIGKILL, -1};
    struct tq_buf output = {0};
    struct tq_err err;
    int major = 0;

    if (tq_process_run(&process, &output, &err)) {
        const char *at = strstr(tq_buf_text(&output), "(PostgreSQL) ");

        major = at != NULL ? atoi(at + strlen("(PostgreSQL) ")) : 0;
    }
    tq_buf_deinit(&output);
    return major;
}

static void look_at(struct search *search, const char *folder)
{
    char *server = tq_format("%s/postgres", folder);
    char *maker = tq_format("%s/initdb", folder);
    bool is_there = access(server, X_OK) == 0 && access(maker, X_OK) == 0;
    int major = is_there ? ask_major(server) : 0;

    free(maker);
    free(server);
    if (major == 0)
        return;
    if (search->others.len == 0 || strstr(search->others.data, folder) == NULL)
        tq_buf_addf(&search->others, "%s%d in %s", search->others.len > 0 ? ", " : "", major,
                    folder);
    if (search->major != 0 ? major != search->major : major < LEAST_MAJOR)
        return;
    if (major > search->best.major) {
        free(search->best.folder);
        search->best = (struct tq_programs){tq_strdup(folder), major};
    }
}

static void look_in_path(struct search *search)
{
    const char *path = getenv("PATH");
    char *copy = tq_strdup(path != NULL ? path : "");
    char *rest = copy;

    for (char *part; search->best.folder == NULL && (part = strsep(&rest, ":")) != NULL;) {
        char *link = tq_format("%s/initdb", part);
        char *real = realpath(link, NULL); /* /usr/bin/initdb may be a link to where all are */

        if (real != NULL) {
            *strrchr(real, '/') = '\0';
            look_at(search, real);
        }
        free(real);
        free(link);
    }
    free(copy);
}

static void look_in_places(struct search *search)
{
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        glob_t found;

        if (glob(patterns[i], 0, NULL, &found) != 0)
            continue;
        for (size_t j = 0; j < found.gl_pathc; j++)
            look_at(search, found.gl_pathv[j]);
        globfree(&found);
    }
}

static bool explain(const struct search *search, const char *named, struct tq_err *err)
{
    const char *others = search->others.len > 0 ? search->others.data : "none";

    if (named != NULL && search->others.len == 0)
        return tq_err_set(err, TQ_ERR_CONNECT, 0,
                          "TASKQ_PG_BIN is %s, where no PostgreSQL server runs: give the absolute "
                          "path of the folder that holds initdb and postgres",
                          named);
    if (search->major != 0)
        return tq_err_set(err, TQ_ERR_CONNECT, 0,
                          "its data was written by PostgreSQL %d, found is only: %s; install "
                          "postgresql-%d, name its folder in TASKQ_PG_BIN, or move the data away",
                          search->major, others, search->major);
    return tq_err_set(err, TQ_ERR_CONNECT, 0,
                      "no PostgreSQL server from version %d on is installed (found: %s): apt-get "
                      "install postgresql, name the folder of initdb in TASKQ_PG_BIN, or set "
                      "DATABASE_URL to use another server",
                      LEAST_MAJOR, others);
}

bool tq_programs_find(int major, struct tq_programs *programs, struct tq_err *err)
{
    const char *named = getenv("TASKQ_PG_BIN");
    struct search search = {.major = major};

    if (named != NULL && *named != '\0') {
        look_at(&search, named);
    } else {
        named = NULL;
        look_in_path(&search);
        if (search.best.folder == NULL)
            look_in_places(&search);
    }

    bool is_found = search.best.folder != NULL || explain(&search, named, err);

    tq_buf_deinit(&search.others);
    *programs = search.best;
    return is_found;
}

void tq_programs_free(struct tq_programs *programs)
{
    free(programs->folder);
    programs->folder = NULL;
}
