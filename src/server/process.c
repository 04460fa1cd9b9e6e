// SPDX-License-Identifier: MIT
//
// fork and exec for the keeper, which has a single thread.
#include "server/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_EXECUTE = 127 };

/* PostgreSQL obeys many variables, and it must say its errors in the language that we look for. */
static const char *const environment[] = {"LC_ALL=C", "PATH=/usr/bin:/bin", NULL};

_Noreturn static void become(const struct tq_process *process, pid_t keeper, int output)
{
    const char *what = "start";
    sigset_t none;
    int input;

    /* A keeper that died before prctl() sends nothing any more. */
    if (prctl(PR_SET_PDEATHSIG, process->death_signal) != 0 || getppid() != keeper)
        goto fail;
    (void)sigemptyset(&none); /* cannot fail */
    if (signal(SIGPIPE, SIG_DFL) == SIG_ERR || sigprocmask(SIG_SETMASK, &none, NULL) != 0 ||
        setsid() < 0)
        goto fail;
    input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input < 0 || dup2(input, STDIN_FILENO) < 0)
        goto fail;
    if (output >= 0 && (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0))
        goto fail;
    if (process->kept_fd >= 0 && fcntl(process->kept_fd, F_SETFD, 0) != 0)
        goto fail;
    (void)execve(process->argv[0], (char *const *)process->argv, (char *const *)environment);
    what = process->argv[0];
fail:
    (void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", what, strerror(errno));
    _exit(CANNOT_EXECUTE);
}

static bool start(const struct tq_process *process, int output, pid_t *pid, struct tq_err *err)
{
    pid_t keeper = getpid();

    *pid = fork();
    if (*pid == 0)
        become(process, keeper, output);
    return *pid > 0 || tq_err_system(err, "cannot start %s", process->argv[0]);
}

bool tq_process_start(const struct tq_process *process, pid_t *pid, struct tq_err *err)
{
    return start(process, -1, pid, err);
}

/* Until the last process that has the other end is gone. */
static void read_all(int fd, struct tq_buf *output)
{
    char chunk[4096];

    for (;;) {
        ssize_t len = read(fd, chunk, sizeof chunk);

        if (len > 0)
            tq_buf_add(output, chunk, (size_t)len);
        else if (len == 0 || errno != EINTR)
            return;
    }
}

bool tq_process_run(const struct tq_process *process, struct tq_buf *output, struct tq_err *err)
{
    char how[48];
    int ends[2], status = 0;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return tq_err_system(err, "cannot make a pipe");

    bool is_started = start(process, ends[1], &pid, err);

    (void)close(ends[1]); /* a pipe has nothing to lose */
    if (is_started)
        read_all(ends[0], output);
    (void)close(ends[0]);
    if (!is_started)
        return false;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return tq_err_system(err, "cannot wait for %s", process->argv[0]);
    }
    return status == 0 || tq_err_set(err, TQ_ERR_SYSTEM, 0, "%s %s", process->argv[0],
                                     tq_process_end(status, how));
}

const char *tq_process_end(int status, char out[48])
{
    if (WIFSIGNALED(status))
        (void)snprintf(out, 48, "was killed by signal %d", WTERMSIG(status));
    else
        (void)snprintf(out, 48, "ended with status %d", WEXITSTATUS(status));
    return out;
}
