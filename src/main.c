// SPDX-License-Identifier: MIT
//
// Everything is in command/, but for a worker that asks to be started again.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "command/command.h"

/* The same program with the same arguments, process id and standard files. Threads that cannot be
   ended go with the old image. Returns when that fails. */
static void restart(char **argv)
{
    /* Libraries may have opened files that a new image should not have. Linux before 5.11 cannot do
       this, and leaks them. */
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    (void)execv("/proc/self/exe", argv);
    (void)fprintf(stderr, "taskq: cannot start again: %s\n", strerror(errno));
}

int main(int argc, char **argv)
{
    enum tq_exit code = tq_command_main(argc, argv);

    if (code == TQ_EXIT_STUCK)
        restart(argv);
    return (int)code;
}
