// SPDX-License-Identifier: MIT
//
// The keeper's life, in one thread that sleeps in sigtimedwait():
//
//     prepare    locks, another user when we are root, initdb       a failure goes to the command
//     starting   the server is our child and not ready              that waits on the pipe, and is
//     ready      FOLDER/ready is locked                             the end of the keeper
//     stopping   SIGINT is sent, after a minute SIGQUIT; exit when the server is gone
//
// It stops for want of users, when FOLDER was removed, and on SIGTERM, SIGINT and SIGHUP. Killed,
// it takes the server with it; see PR_SET_PDEATHSIG in process.c.
#include "server/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    PREDECESSOR_MS = 60 * 1000, /* for the server of a keeper that was killed to be gone */
    STOP_MS = 60 * 1000,        /* for a shutdown that lets transactions roll back */
    LOG_MOST = 4 << 20,
    LOG_KEPT = 1 << 20,
};

struct keeper {
    struct tq_folder folder;
    int in_use_fd, server_fd, ready_fd;
    char *home;
    struct tq_cluster cluster;
    pid_t server;    /* 0: none runs */
    off_t log_start; /* where the log was when this keeper came */
    int64_t linger_ms, idle_since_us;
    struct timespec used_at; /* time of in-use when we last looked */
    bool is_ready;
};

/* Tells the command that started us, which may be gone. */
static void tell(const struct tq_err *err)
{
    ssize_t ignored = write(TQ_KEEPER_STATUS_FD, err, sizeof *err);

    (void)ignored;
    (void)close(TQ_KEEPER_STATUS_FD);
}

static bool read_linger(int64_t *linger_ms, struct tq_err *err)
{
    const char *text = getenv("TASKQ_PRIVATE_LINGER");

    *linger_ms = LINGER_MS;
    if (text == NULL || *text == '\0' || tq_duration_parse_ms(text, linger_ms))
        return true;
    return tq_err_set(err, TQ_ERR_USAGE, 0,
                      "TASKQ_PRIVATE_LINGER is \"%s\", which is no duration: write 500ms, 10s or "
                      "5m",
                      text);
}

/* Nothing of the user's libpq settings may reach the server; some it would obey. */
static void clean_environment(void)
{
    extern char **environ;

    for (char **at = environ; *at != NULL;) {
        size_t len = strcspn(*at, "=");

        if (strncmp(*at, "PG", 2) == 0) {
            char *name = tq_memdup(*at, len);

            (void)unsetenv(name); /* moves the rest down to `at` */
            free(name);
        } else {
            at++;
        }
    }
}

static bool open_files(struct keeper *keeper, const char *path, struct tq_err *err)
{
    struct stat info;

    if (!tq_folder_open(path, &keeper->folder, err) ||
        !tq_folder_file(&keeper->folder, TQ_FOLDER_IN_USE, &keeper->in_use_fd, err) ||
        !tq_folder_file(&keeper->folder, TQ_FOLDER_SERVER, &keeper->server_fd, err) ||
        !tq_folder_file(&keeper->folder, TQ_FOLDER_READY, &keeper->ready_fd, err))
        return false;
    if (fstat(STDERR_FILENO, &info) == 0)
        keeper->log_start = info.st_size;
    return true;
}

static bool prepare(struct keeper *keeper, const char *path, struct tq_err *err)
{
    struct tq_account account;

    if (!read_linger(&keeper->linger_ms, err) || !open_files(keeper, path, err) ||
        !tq_account_choose(&keeper->folder, &account, err) ||
        !tq_account_home(&account, &keeper->folder, &keeper->home, err) ||
        !tq_account_become(&account, err))
        return false;
    if (chdir(keeper->home) != 0)
        return tq_err_system(err, "the user %s, whom PostgreSQL runs as, cannot enter %s",
                             account.name, keeper->home);
    if (!tq_lock_wait(keeper->server_fd, LOCK_EX, tq_clock_us() + PREDECESSOR_MS * 1000LL))
        return tq_err_set(
            err, TQ_ERR_CONNECT, 0,
            "a server without a keeper still runs; see %s/data/postmaster.pid for its "
            "process id, and end it with kill -INT",
            keeper->home);
    keeper->cluster.home = keeper->home;
    keeper->cluster.lock_fd = keeper->server_fd;
    return tq_cluster_prepare(&keeper->cluster, err) &&
           tq_cluster_start(&keeper->cluster, &keeper->server, err);
}

/* Lets everybody see that the server can be used, and where. */
static void announce(struct keeper *keeper)
{
    const struct tq_err none = {.domain = TQ_ERR_NONE};
    const struct tq_cluster *cluster = &keeper->cluster;
    const char *socket = cluster->is_socket_away ? cluster->socket : TQ_FOLDER_HOME "/socket";
    char *text = tq_format("%d\n%s\n", cluster->programs.major, socket);
    size_t len = strlen(text);

    if (ftruncate(keeper->ready_fd, 0) == 0 && write(keeper->ready_fd, text, len) == (ssize_t)len &&
        flock(keeper->ready_fd, LOCK_EX) == 0) {
        keeper->is_ready = true;
        tell(&none);
    } else {
        tq_log(TQ_LOG_ERROR, "keeper", "cannot write the file ready", "error=%s", strerror(errno));
    }
    free(text);
}

/* What the log holds since this keeper came; its end, if that is much. */
static void read_log(const struct keeper *keeper, struct tq_buf *text)
{
    enum { MOST = 64 * 1024 };
    struct stat info;
    char chunk[4096];
    off_t at = keeper->log_start;
    ssize_t len;

    tq_buf_add_text(text, "");
    if (fstat(STDERR_FILENO, &info) != 0)
        return;
    if (info.st_size - at > MOST)
        at = info.st_size - MOST;
    while ((len = pread(STDERR_FILENO, chunk, sizeof chunk, at)) > 0) {
        tq_buf_add(text, chunk, (size_t)len);
        at += len;
    }
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

/* True with the exclusive lock held: since long enough nobody has used the server, and from now on
   nobody can begin to. */
static bool is_unused(struct keeper *keeper)
{
    int64_t now_us = tq_clock_us();
    struct stat info;
    bool is_held = !tq_lock_try(keeper->in_use_fd, LOCK_EX);

    if (is_held || fstat(keeper->in_use_fd, &info) != 0 ||
        memcmp(&info.st_mtim, &keeper->used_at, sizeof info.st_mtim) != 0) {
        keeper->idle_since_us = now_us;
        if (!is_held)
            keeper->used_at = info.st_mtim;
    }
    if (!is_held && now_us - keeper->idle_since_us >= keeper->linger_ms * 1000)
        return true;
    if (!is_held)
        tq_lock_release(keeper->in_use_fd);
    return false;
}

/* Waits for a signal, or for time to pass; 0: time. */
static int wait_signal(const sigset_t *signals, int64_t timeout_ms)
{
    const struct timespec timeout = {
        .tv_sec = timeout_ms / 1000,
        .tv_nsec = timeout_ms % 1000 * 1000 * 1000,
    };
    int number = sigtimedwait(signals, NULL, &timeout);

    return number > 0 ? number : 0;
}

/* Whether the server has ended; then its status is known. */
static bool has_ended(struct keeper *keeper, int *status)
{
    pid_t pid = waitpid(keeper->server, status, WNOHANG);

    if (pid != keeper->server)
        return false;
    keeper->server = 0;
    return true;
}

static void stop(struct keeper *keeper, const sigset_t *signals)
{
    int64_t deadline_us = tq_clock_us() + STOP_MS * 1000LL;
    int how = SIGINT, status;

    if (keeper->is_ready)
        tq_lock_release(keeper->ready_fd);
    (void)kill(keeper->server, how); /* it is our child: it exists until we wait for it */
    while (!has_ended(keeper, &status)) {
        (void)wait_signal(signals, 100);
        if (how == SIGINT && tq_clock_us() > deadline_us) {
            how = SIGQUIT;
            (void)kill(keeper->server, how);
        }
    }
}

static void bury(struct keeper *keeper, int status)
{
    char what[80], how[48];
    struct tq_buf text = {0};
    struct tq_err err;

    if (keeper->is_ready)
        tq_lock_release(keeper->ready_fd);
    (void)snprintf(what, sizeof what, "the server %s; it", tq_process_end(status, how));
    read_log(keeper, &text);
    (void)tq_cluster_explain(&keeper->cluster, what, text.data, &err);
    tq_log(TQ_LOG_ERROR, "keeper", "the server has ended by itself", "how=%s", how);
    if (!keeper->is_ready)
        tell(&err);
    tq_buf_deinit(&text);
}

/* Until the server has ended, one way or the other. */
static void watch(struct keeper *keeper, const sigset_t *signals)
{
    int64_t interval_ms = keeper->linger_ms / 10;
    int status;

    interval_ms = interval_ms > POLL_MS ? POLL_MS : interval_ms;
    interval_ms = interval_ms < START_POLL_MS ? START_POLL_MS : interval_ms;
    for (;;) {
        int number = wait_signal(signals, keeper->is_ready ? interval_ms : START_POLL_MS);

        if (has_ended(keeper, &status)) {
            bury(keeper, status);
            return;
        }
        if (!keeper->is_ready && tq_cluster_is_ready(&keeper->cluster, keeper->server))
            announce(keeper);
        if ((number != 0 && number != SIGCHLD) || is_removed(keeper) || is_unused(keeper)) {
            stop(keeper, signals);
            return;
        }
        bound_log();
    }
}

static bool take_signals(sigset_t *signals, struct tq_err *err)
{
    if (sigemptyset(signals) == 0 && sigaddset(signals, SIGCHLD) == 0 &&
        sigaddset(signals, SIGTERM) == 0 && sigaddset(signals, SIGINT) == 0 &&
        sigaddset(signals, SIGHUP) == 0 && sigprocmask(SIG_BLOCK, signals, NULL) == 0 &&
        signal(SIGPIPE, SIG_IGN) != SIG_ERR)
        return true;
    return tq_err_system(err, "cannot block signals");
}

int tq_keeper_main(const char *folder)
{
    struct keeper keeper = {.in_use_fd = -1, .server_fd = -1, .ready_fd = -1};
    struct tq_err err;
    sigset_t signals;
    bool is_started;

    if (fcntl(TQ_KEEPER_STATUS_FD, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(TQ_KEEPER_LOCK_FD, F_SETFD, FD_CLOEXEC) != 0) {
        (void)fprintf(stderr, "taskq: the keeper is started by other commands, never by hand\n");
        return TQ_EXIT_USAGE;
    }
    clean_environment();
    (void)umask(077);
    is_started = take_signals(&signals, &err) && prepare(&keeper, folder, &err);
    keeper.idle_since_us = tq_clock_us();
    if (is_started) {
        watch(&keeper, &signals);
    } else {
        tq_log(TQ_LOG_ERROR, "keeper", "cannot start the server", "error=%s", err.message);
        tell(&err);
    }
    tq_cluster_deinit(&keeper.cluster);
    tq_folder_close(&keeper.folder);
    free(keeper.home);
    return is_started ? TQ_EXIT_DONE : TQ_EXIT_FAILED;
}
