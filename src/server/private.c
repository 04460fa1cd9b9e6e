// SPDX-License-Identifier: MIT
//
// A command's side of the private PostgreSQL. The order matters: the shared lock first, so that the
// keeper cannot stop the server under us; then a look whether the server is ready; then the
// keeper's lock, which whoever gets it hands to the keeper that he starts. Everybody else looks
// again every 2 ms. A keeper or server that dies between any two of these steps means another turn.
// A process that uses the server for long has it started again when it has died:
// tq_private_revive().
#include "server/private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "server/cluster.h"
#include "server/folder.h"
#include "server/keeper.h"

enum { PATIENCE_S = 60 };

struct tq_private {
    struct tq_folder folder;
    int in_use_fd;
    char *conninfo, *description;
};

/* Whether a server listens, as opposed to one that has just died. */
static bool answers(const char *socket_folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL." TQ_CLUSTER_PORT,
                       socket_folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_connected = fd >= 0 && len < (int)sizeof address.sun_path &&
                        connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

    if (fd >= 0)
        (void)close(fd); /* nothing was sent */
    return is_connected;
}

/* host='...' with the quoting of a libpq connection string. */
static char *make_conninfo(const char *socket_folder)
{
    struct tq_buf text = {0};

    tq_buf_add_text(&text, "host='");
    for (const char *at = socket_folder; *at != '\0'; at++) {
        if (*at == '\'' || *at == '\\')
            tq_buf_add_char(&text, '\\');
        tq_buf_add_char(&text, *at);
    }
    tq_buf_add_text(&text,
                    "' port=" TQ_CLUSTER_PORT " user=" TQ_CLUSTER_USER " dbname=" TQ_CLUSTER_USER);
    return tq_buf_take(&text);
}

static char *make_description(const struct tq_folder *folder, int major)
{
    char *link = tq_format("%s/" TQ_FOLDER_HOME, folder->path);
    char *home = realpath(link, NULL);
    bool is_away = home != NULL && strcmp(home, link) != 0;
    char *text = tq_format("private PostgreSQL %d in %s%s%s%s", major, folder->path,
                           is_away ? " (data in " : "", is_away ? home : "", is_away ? ")" : "");

    free(home);
    free(link);
    return text;
}

/* The folder of the socket, freed by the caller, when a keeper is alive, says that its server is
   ready, and is right; else NULL. */
static char *find_socket(const struct tq_folder *folder, int *major)
{
    struct tq_ready ready = {0};
    struct tq_err ignored; /* not ready */
    bool is_ready;
    char *path, *socket_folder;
    int fd;

    if (!tq_folder_file(folder, TQ_FOLDER_READY, &fd, &ignored))
        return NULL;
    is_ready = !tq_lock_try(fd, LOCK_SH) && tq_ready_read(fd, &ready);
    (void)close(fd); /* nothing was written */
    path = tq_format("%s%s%s", *ready.socket == '/' ? "" : folder->path,
                     *ready.socket == '/' ? "" : "/", ready.socket);
    socket_folder = is_ready ? realpath(path, NULL) : NULL;
    free(path);
    if (socket_folder != NULL && answers(socket_folder)) {
        *major = ready.major;
        return socket_folder;
    }
    free(socket_folder);
    return NULL;
}

static bool is_usable(struct tq_private *private)
{
    int major;
    char *socket_folder = find_socket(&private->folder, &major);

    if (socket_folder == NULL)
        return false;
    private->conninfo = make_conninfo(socket_folder);
    private->description = make_description(&private->folder, major);
    free(socket_folder);
    return true;
}

/* In the child's child: all signals as usual, only the keeper's descriptors, and the program. */
_Noreturn static void become_keeper(const char *folder, int log_fd, int status_fd, int lock_fd)
{
    const char *const argv[] = {"taskq", "keeper", folder, NULL};
    int from[] = {-1, log_fd, log_fd, status_fd, lock_fd};
    enum { COUNT = sizeof from / sizeof *from };
    sigset_t none;

    from[0] = open("/dev/null", O_RDONLY);
    for (int i = 0; i < COUNT; i++) { /* out of the way of each other first */
        from[i] = fcntl(from[i], F_DUPFD, COUNT);
        if (from[i] < 0)
            _exit(1);
    }
    for (int i = 0; i < COUNT; i++) {
        if (dup2(from[i], i) < 0)
            _exit(1);
    }
    if (close_range(COUNT, ~0U, 0) != 0) {
        for (int fd = COUNT; fd < sysconf(_SC_OPEN_MAX); fd++)
            (void)close(fd); /* a kernel before 5.9 */
    }
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL); /* fails for the few that cannot change */
    if (sigemptyset(&none) != 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0 || chdir("/") != 0)
        _exit(1);
    (void)execv("/proc/self/exe", (char *const *)argv); /* returns only when it fails */
    (void)dprintf(STDERR_FILENO, "cannot run the keeper: %s\n", strerror(errno));
    _exit(1);
}

/* The keeper is nobody's child, so that it never becomes our zombie. */
static bool fork_keeper(const char *folder, int log_fd, int status_fd, int lock_fd,
                        struct tq_err *err)
{
    int status = 1;
    pid_t pid = fork();

    if (pid == 0) {
        if (setsid() < 0)
            _exit(1);
        pid = fork();
        if (pid == 0)
            become_keeper(folder, log_fd, status_fd, lock_fd);
        _exit(pid < 0 ? 1 : 0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid < 0)
        return tq_err_system(err, "cannot start a keeper");
    return status == 0 || tq_err_set(err, TQ_ERR_SYSTEM, 0, "cannot start a keeper");
}

/* What the keeper tells: true when the server is ready. */
static bool await_keeper(const struct tq_folder *folder, int fd, int64_t deadline_us,
                         struct tq_err *err)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    struct tq_err told;
    int64_t left_us;
    int count = 0;

    while ((left_us = deadline_us - tq_clock_us()) > 0) {
        count = poll(&end, 1, (int)(left_us / 1000) + 1);
        if (count > 0 || (count < 0 && errno != EINTR))
            break;
    }
    if (count <= 0)
        return tq_err_set(err, TQ_ERR_CONNECT, 0,
                          "it is still starting after %d s (recovering after a crash?): try again "
                          "later; %s/" TQ_FOLDER_LOG " tells more",
                          PATIENCE_S, folder->path);
    if (read(fd, &told, sizeof told) != (ssize_t)sizeof told)
        return tq_err_set(err, TQ_ERR_CONNECT, 0,
                          "its keeper died; %s/" TQ_FOLDER_LOG " may tell why", folder->path);
    if (told.domain == TQ_ERR_NONE)
        return true;
    *err = told;
    return false;
}

static bool start_keeper(const struct tq_folder *folder, int lock_fd, int64_t deadline_us,
                         struct tq_err *err)
{
    int log_fd, ends[2];
    bool is_started;

    if (!tq_folder_file(folder, TQ_FOLDER_LOG, &log_fd, err))
        return false;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        (void)close(log_fd); /* nothing was written */
        return tq_err_system(err, "cannot make a pipe");
    }
    is_started = fork_keeper(folder->path, log_fd, ends[1], lock_fd, err);
    (void)close(ends[1]); /* pipes have nothing to lose, and the log is the keeper's */
    (void)close(log_fd);
    is_started = is_started && await_keeper(folder, ends[0], deadline_us, err);
    (void)close(ends[0]);
    return is_started;
}

static void let_go(struct tq_private *private)
{
    if (private->in_use_fd >= 0)
        (void)close(private->in_use_fd); /* gives the lock back */
    private->in_use_fd = -1;
    tq_folder_close(&private->folder);
}

/* The shared lock on a file that nobody has removed while we waited; and the file's time, by which
   the keeper sees uses that come and go between two looks. */
static bool hold(struct tq_private *private, const char *path, int64_t deadline_us,
                 struct tq_err *err)
{
    struct stat info;

    do {
        let_go(private);
        if (!tq_folder_open(path, &private->folder, err) ||
            !tq_folder_file(&private->folder, TQ_FOLDER_IN_USE, &private->in_use_fd, err))
            return false;
        if (!tq_lock_wait(private->in_use_fd, LOCK_SH, deadline_us))
            return tq_err_system(err, "cannot lock %s/" TQ_FOLDER_IN_USE, private->folder.path);
        if (futimens(private->in_use_fd, NULL) != 0 || fstat(private->in_use_fd, &info) != 0)
            return tq_err_system(err, "cannot touch %s/" TQ_FOLDER_IN_USE, private->folder.path);
    } while (info.st_nlink == 0);
    return true;
}

static bool reach(struct tq_private *private, int64_t deadline_us, struct tq_err *err)
{
    const struct tq_folder *folder = &private->folder;

    while (!is_usable(private)) {
        bool is_started = true;
        int lock_fd;

        if (tq_clock_us() > deadline_us)
            return tq_err_set(err, TQ_ERR_CONNECT, 0,
                              "its keeper has not made it ready in %d s; see %s/" TQ_FOLDER_LOG,
                              PATIENCE_S, folder->path);
        if (!tq_folder_file(folder, TQ_FOLDER_KEEPER, &lock_fd, err))
            return false;
        if (tq_lock_try(lock_fd, LOCK_EX))
            is_started = start_keeper(folder, lock_fd, deadline_us, err);
        else
            tq_folder_nap();
        (void)close(lock_fd); /* the keeper has it, if we had it */
        if (!is_started)
            return false;
    }
    return true;
}

bool tq_private_open(const char *folder, struct tq_private **out, struct tq_err *err)
{
    struct tq_private *private = tq_zalloc(sizeof *private);
    int64_t deadline_us = tq_clock_us() + PATIENCE_S * 1000000LL;

    *out = NULL;
    private->in_use_fd = -1;
    if (hold(private, folder, deadline_us, err) && reach(private, deadline_us, err)) {
        *out = private;
        return true;
    }
    if (err->domain == TQ_ERR_SYSTEM)
        err->domain = TQ_ERR_CONNECT; /* whatever it is, there is no database */
    (void)tq_err_prefix(err, "the private PostgreSQL in %s", folder);
    tq_private_close(private);
    return false;
}

/* A process of its own opens it, because a keeper is forked, which a process with threads must not;
   what it says goes to the log. */
static bool open_apart(const struct tq_folder *folder, int log_fd, struct tq_err *err)
{
    char keeper[] = "keeper", open_[] = "open", name[] = "taskq";
    char *const argv[] = {name, keeper, folder->path, open_, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t pid;
    int status = 1, code;

    (void)sigemptyset(&none); /* these can only run out of memory, */
    (void)sigfillset(&all);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&files, log_fd, STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&files, log_fd, STDERR_FILENO);
    code = posix_spawn(&pid, "/proc/self/exe", &files, &attributes, argv, environ);
    (void)posix_spawn_file_actions_destroy(&files); /* and these cannot fail */
    (void)posix_spawnattr_destroy(&attributes);
    if (code != 0)
        return tq_err_set(err, TQ_ERR_CONNECT, code, "cannot start a process: %s", strerror(code));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status == 0 ||
           tq_err_set(err, TQ_ERR_CONNECT, 0,
                      "the private PostgreSQL cannot be started again; %s/" TQ_FOLDER_LOG
                      " tells why",
                      folder->path);
}

char *tq_private_revive(const struct tq_private *private, struct tq_err *err)
{
    const struct tq_folder *folder = &private->folder;
    int major, log_fd;
    char *socket_folder = find_socket(folder, &major), *conninfo;

    if (socket_folder == NULL) {
        if (!tq_folder_file(folder, TQ_FOLDER_LOG, &log_fd, err))
            return NULL;

        bool is_open = open_apart(folder, log_fd, err);

        (void)close(log_fd); /* nothing of ours was written */
        if (!is_open)
            return NULL;
        socket_folder = find_socket(folder, &major);
    }
    if (socket_folder == NULL) {
        (void)tq_err_set(err, TQ_ERR_CONNECT, 0, "the private PostgreSQL has ended again");
        return NULL;
    }
    conninfo = make_conninfo(socket_folder);
    free(socket_folder);
    return conninfo;
}

void tq_private_close(struct tq_private *private)
{
    let_go(private);
    free(private->conninfo);
    free(private->description);
    free(private);
}

const char *tq_private_conninfo(const struct tq_private *private)
{
    return private->conninfo;
}

const char *tq_private_describe(const struct tq_private *private)
{
    return private->description;
}
