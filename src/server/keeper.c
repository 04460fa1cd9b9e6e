// SPDX-License-Identifier: MIT
//
// The keeper's life, in one thread that sleeps in sigtimedwait():
//
//     prepare    locks, another user when we are root, initdb
//     starting   the server is our child; it reads its log and opens its socket
//     ready      FOLDER/ready is locked
//     stopping   the server got SIGINT, or after a minute SIGQUIT; we end when it has
//
// What goes wrong before `ready` is told to the command that waits on the pipe, and ends the
// keeper. It stops for want of users, when FOLDER was removed, and on SIGTERM, SIGINT and SIGHUP.
// Killed, it takes the server with it: see process.h.
#include "server/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/memory.h"
#include "server/account.h"
#include "server/cluster.h"
#include "server/folder.h"
#include "server/process.h"

enum {
    LINGER_MS = 10 * 1000,
    START_POLL_MS = 2,
    POLL_MS = 1000,
    PREDECESSOR_MS = 50 * 1000, /* for a server whose keeper was killed; less than users wait */
    STOP_MS = 60 * 1000,
    LOG_MOST = 4 << 20,
    LOG_KEPT = 1 << 20,
    LOG_READ = 64 << 10, /* of it, to find out why the server ended */
};

struct keeper {
    struct tq_folder folder;
    int in_use_fd, server_fd, ready_fd;
    sigset_t signals;
    char *home;
    struct tq_cluster cluster;
    pid_t server;
    off_t log_start; /* where the log ended before this keeper */
    int64_t linger_us, idle_since_us;
    struct timespec used_at; /* the time of in-use when we last looked */
    bool is_ready;
};

/* Tells the command that started us, if it is still there. */
static void tell(const struct tq_err *err)
{
    if (write(TQ_KEEPER_STATUS_FD, err, sizeof *err) < 0)
        tq_log(TQ_LOG_WARN, "keeper", "the command that waited is gone", "");
    (void)close(TQ_KEEPER_STATUS_FD); /* a pipe */
}

static bool read_linger(int64_t *linger_us, struct tq_err *err)
{
    const char *text = getenv("TASKQ_PRIVATE_LINGER");
    int64_t linger_ms = LINGER_MS;

    if (text != NULL && *text != '\0' && !tq_duration_parse_ms(text, &linger_ms))
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "TASKQ_PRIVATE_LINGER is \"%s\", which is no duration: write 500ms, 10s "
                          "or 5m",
                          text);
    *linger_us = linger_ms * 1000;
    return true;
}

static bool take_signals(sigset_t *signals, struct tq_err *err)
{
    static const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    bool is_set = sigemptyset(signals) == 0;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        is_set = is_set && sigaddset(signals, numbers[i]) == 0;
    return (is_set && sigprocmask(SIG_BLOCK, signals, NULL) == 0 &&
            signal(SIGPIPE, SIG_IGN) != SIG_ERR) ||
           tq_err_system(err, "cannot block signals");
}

static bool open_files(struct keeper *keeper, const char *path, struct tq_err *err)
{
    struct stat info;

    if (!tq_folder_open(path, &keeper->folder, err) ||
        !tq_folder_file(&keeper->folder, TQ_FOLDER_IN_USE, &keeper->in_use_fd, err) ||
        !tq_folder_file(&keeper->folder, TQ_FOLDER_SERVER, &keeper->server_fd, err) ||
        !tq_folder_file(&keeper->folder, TQ_FOLDER_READY, &keeper->ready_fd, err))
        return false;
    keeper->log_start = fstat(STDERR_FILENO, &info) == 0 ? info.st_size : 0;
    return true;
}

/* Root's rights end here: what was opened stays open, and children of ours can be ours alone. */
static bool settle(struct keeper *keeper, struct tq_err *err)
{
    struct tq_account account;

    if (!tq_account_choose(&keeper->folder, &account, err) ||
        !tq_account_home(&account, &keeper->folder, &keeper->home, err) ||
        !tq_account_become(&account, err))
        return false;
    return chdir(keeper->home) == 0 ||
           tq_err_system(err, "the user %s, whom PostgreSQL runs as, cannot enter %s", account.name,
                         keeper->home);
}

static bool prepare(struct keeper *keeper, const char *path, struct tq_err *err)
{
    struct tq_ready last;

    if (!take_signals(&keeper->signals, err) || !read_linger(&keeper->linger_us, err) ||
        !open_files(keeper, path, err) || !settle(keeper, err))
        return false;
    if (!tq_lock_wait(keeper->server_fd, LOCK_EX, tq_clock_us() + PREDECESSOR_MS * 1000LL))
        return tq_err_set(
            err, TQ_ERR_CONNECT, 0,
            "processes of an earlier server do not end: `fuser -v %s/" TQ_FOLDER_SERVER
            "` lists them",
            keeper->folder.path);
    if (tq_ready_read(keeper->ready_fd, &last))
        keeper->cluster.socket_away = tq_strdup(last.socket);
    keeper->cluster.home = keeper->home;
    keeper->cluster.lock_fd = keeper->server_fd;
    return tq_cluster_prepare(&keeper->cluster, err) &&
           tq_cluster_start(&keeper->cluster, &keeper->server, err);
}

/* Lets everybody see that the server can be used, and where. */
static bool announce(struct keeper *keeper, struct tq_err *err)
{
    const struct tq_err none = {.domain = TQ_ERR_NONE};
    struct tq_ready ready = {.major = keeper->cluster.programs.major};
    const char *away = keeper->cluster.socket_away;

    (void)snprintf(ready.socket, sizeof ready.socket, "%s",
                   away != NULL ? away : TQ_FOLDER_HOME "/socket");
    if (!tq_ready_write(keeper->ready_fd, &ready) || flock(keeper->ready_fd, LOCK_EX) != 0)
        return tq_err_system(err, "cannot write " TQ_FOLDER_READY);
    keeper->is_ready = true;
    tell(&none);
    return true;
}

/* Keeps the last part of a log that became long. The server goes on appending meanwhile: a line may
   get lost, which is better than a disk that fills up. */
static void bound_log(void)
{
    struct stat info;
    char *kept;
    ssize_t len;

    if (fstat(STDERR_FILENO, &info) != 0 || info.st_size <= LOG_MOST)
        return;
    kept = tq_alloc(LOG_KEPT);
    len = pread(STDERR_FILENO, kept, LOG_KEPT, info.st_size - LOG_KEPT);
    if (len > 0 && ftruncate(STDERR_FILENO, 0) == 0 && write(STDERR_FILENO, kept, (size_t)len) < 0)
        tq_log(TQ_LOG_WARN, "keeper", "the log was cut", "error=%s", strerror(errno));
    free(kept);
}

static bool is_removed(const struct keeper *keeper)
{
    struct stat info;

    return fstat(keeper->in_use_fd, &info) == 0 && info.st_nlink == 0;
}

/* True with the exclusive lock held: long enough nobody has used the server, and from now on nobody
   can begin to. A change of the file's time is a use that came and went between two looks. */
static bool is_unused(struct keeper *keeper)
{
    bool is_free = tq_lock_try(keeper->in_use_fd, LOCK_EX);
    int64_t now_us = tq_clock_us();
    struct stat info;

    if (!is_free || fstat(keeper->in_use_fd, &info) != 0) {
        keeper->idle_since_us = now_us;
    } else if (info.st_mtim.tv_sec != keeper->used_at.tv_sec ||
               info.st_mtim.tv_nsec != keeper->used_at.tv_nsec) {
        keeper->idle_since_us = now_us;
        keeper->used_at = info.st_mtim;
    }
    if (is_free && now_us - keeper->idle_since_us >= keeper->linger_us)
        return true;
    if (is_free)
        tq_lock_release(keeper->in_use_fd);
    return false;
}

/* The signal that comes first, or 0 after the time. */
static int wait_signal(const sigset_t *signals, int64_t timeout_ms)
{
    const struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};
    int number = sigtimedwait(signals, NULL, &timeout);

    return number > 0 ? number : 0;
}

static void withdraw(struct keeper *keeper)
{
    if (keeper->is_ready)
        tq_lock_release(keeper->ready_fd);
}

static void stop(struct keeper *keeper)
{
    int64_t deadline_us = tq_clock_us() + STOP_MS * 1000LL;
    int how = SIGINT;

    withdraw(keeper);
    (void)kill(keeper->server, how); /* our child: it exists until we have waited for it */
    while (waitpid(keeper->server, NULL, WNOHANG) == 0) {
        (void)wait_signal(&keeper->signals, 100);
        if (how == SIGINT && tq_clock_us() > deadline_us) {
            how = SIGQUIT;
            (void)kill(keeper->server, how);
        }
    }
}

/* Why the server has ended by itself. */
static void explain_end(const struct keeper *keeper, int status, struct tq_err *err)
{
    char what[64], how[48];
    char *log = tq_zalloc(LOG_READ + 1);
    off_t start = keeper->log_start;
    struct stat info;

    if (fstat(STDERR_FILENO, &info) == 0 && info.st_size - start > LOG_READ)
        start = info.st_size - LOG_READ;
    if (pread(STDERR_FILENO, log, LOG_READ, start) < 0)
        *log = '\0';
    (void)snprintf(what, sizeof what, "the server %s", tq_process_end(status, how));
    (void)tq_cluster_explain(&keeper->cluster, what, log, err);
    free(log);
}

/* From the start of the server to its end. False when it ended without having been told to, or
   cannot be announced. */
static bool watch(struct keeper *keeper, struct tq_err *err)
{
    int64_t interval_ms = keeper->linger_us / 10000;
    int status;

    interval_ms = interval_ms > POLL_MS ? POLL_MS : interval_ms;
    interval_ms = interval_ms < START_POLL_MS ? START_POLL_MS : interval_ms;
    for (;;) {
        int number = wait_signal(&keeper->signals, keeper->is_ready ? interval_ms : START_POLL_MS);

        if (waitpid(keeper->server, &status, WNOHANG) != 0) {
            withdraw(keeper);
            explain_end(keeper, status, err);
            return false;
        }
        if (!keeper->is_ready && tq_cluster_is_ready(keeper->server) && !announce(keeper, err)) {
            stop(keeper);
            return false;
        }
        if ((number != 0 && number != SIGCHLD) || is_removed(keeper) || is_unused(keeper)) {
            stop(keeper);
            return true;
        }
        bound_log();
    }
}

int tq_keeper_main(const char *folder)
{
    struct keeper keeper = {.in_use_fd = -1, .server_fd = -1, .ready_fd = -1};
    struct tq_err err;
    bool is_done;

    if (fcntl(TQ_KEEPER_STATUS_FD, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(TQ_KEEPER_LOCK_FD, F_SETFD, FD_CLOEXEC) != 0) {
        (void)fprintf(stderr, "taskq: a keeper is started by other commands, never by hand\n");
        return TQ_EXIT_USAGE;
    }
    (void)umask(022);
    is_done = prepare(&keeper, folder, &err);
    keeper.idle_since_us = tq_clock_us();
    is_done = is_done && watch(&keeper, &err);
    if (!is_done) {
        tq_log(TQ_LOG_ERROR, "keeper", "no server any more", "error=%s", err.message);
        if (!keeper.is_ready)
            tell(&err);
    }
    tq_cluster_deinit(&keeper.cluster);
    tq_folder_close(&keeper.folder);
    free(keeper.home);
    return is_done ? TQ_EXIT_DONE : TQ_EXIT_FAILED;
}
