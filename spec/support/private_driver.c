// SPDX-License-Identifier: MIT
//
// The private PostgreSQL without a queue, for specs. Prints the connection string, a description
// and "ready", as lines; `open` ends then, `hold` uses the server until it is killed.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/keeper.h"
#include "server/private.h"

static int use(const char *folder, bool is_held)
{
    struct tq_private *private;
    struct tq_err err;

    if (!tq_private_open(folder, &private, &err)) {
        (void)fprintf(stderr, "%s\n", err.message);
        return (int)tq_err_exit_code(&err);
    }
    (void)printf("%s\n%s\nready\n", tq_private_conninfo(private), tq_private_describe(private));
    (void)fflush(stdout);
    if (is_held)
        (void)pause();
    tq_private_close(private);
    return TQ_EXIT_DONE;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "keeper") == 0)
        return tq_keeper_main(argv[2]);
    if (argc == 3 && (strcmp(argv[1], "open") == 0 || strcmp(argv[1], "hold") == 0))
        return use(argv[2], strcmp(argv[1], "hold") == 0);
    (void)fprintf(stderr, "usage: taskq-private open|hold FOLDER\n");
    return TQ_EXIT_USAGE;
}
