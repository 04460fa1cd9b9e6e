// SPDX-License-Identifier: MIT
//
// Everything is in command/, but for a worker that asks to be started again.
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "command/command.h"

/* The same program with the same arguments, process id and standard files. Threads that cannot be
   ended go with the old image; when that fails, the process ends without them. */
static _Noreturn void restart(char **argv)
{
    char path[PATH_MAX];
    ssize_t len;

    /* Libraries may have opened files that a new image should not have. Linux before 5.11 cannot do
       this, and leaks them. */
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len > 0) {
        path[len] = '\0';
        (void)execv(path, argv); /* a process is listed by this name; the file may be gone */
    }
    (void)execv("/proc/self/exe", argv);
    (void)fprintf(stderr, "taskq: cannot start again: %s\n", strerror(errno));
    _exit(TQ_EXIT_STUCK); /* exit() would wait for threads of libuv's pool */
}

int main(int argc, char **argv)
{
    enum tq_exit code = tq_command_main(argc, argv);

    if (code == TQ_EXIT_STUCK)
        restart(argv);
    return (int)code;
}
