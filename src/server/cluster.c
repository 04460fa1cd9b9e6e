// SPDX-License-Identifier: MIT
//
// initdb, taskq.conf and postgres.
#include "server/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "server/process.h"

enum {
    LEAST_ROOM_MB = 16, /* a segment of the server's log */
    STATE_LINE = 8,     /* of postmaster.pid; pg_ctl relies on it too */
};

#define SOCKET_NAME "/.s.PGSQL." TQ_CLUSTER_PORT
#define AWAY_PREFIX "/tmp/taskq-" /* XDG_RUNTIME_DIR would go when the user logs out */

/* Rewritten whenever this program has other ones. What is committed stays, whatever happens; the
   rest is for a queue on a machine that does other things too. */
static const char settings[] =
    "# Written by taskq. Settings of yours go to the end of postgresql.conf.\n"
    "listen_addresses = ''\n"
    "unix_socket_permissions = 0700\n"
    "max_connections = 100\n"
    "fsync = on\n"
    "synchronous_commit = on\n"
    "full_page_writes = on\n"
    "wal_level = minimal\n"
    "max_wal_senders = 0\n"
    "shared_buffers = 128MB\n"
    "max_wal_size = 2GB\n"
    "min_wal_size = 80MB\n"
    "jit = off\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n"
    "logging_collector = off\n"
    "log_destination = 'stderr'\n"
    "log_checkpoints = off\n"
    "log_line_prefix = '%m [%p] '\n"
    "log_min_error_statement = panic\n"; /* payloads of tasks are nothing for a log */

static const char include_line[] = "include_if_exists = 'taskq.conf'\n";

/* The line of a text that has one of the words, from the word on; else its last line. */
static const char *telling_line(const char *text)
{
    static const char *const words[] = {
        "LOG:  invalid value for parameter",
        "LOG:  unrecognized configuration parameter",
        "LOG:  syntax error in file",
        "PANIC:",
        "FATAL:",
        "error:",
        "cannot run ",
    };
    const char *last = text;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = strstr(text, words[i]);

        if (at != NULL)
            return at;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\n' && at[1] != '\0')
            last = at + 1;
    }
    return last;
}

bool tq_cluster_explain(const struct tq_cluster *cluster, const char *what, const char *output,
                        struct tq_err *err)
{
    struct statvfs room;
    bool is_full =
        strstr(output, strerror(ENOSPC)) != NULL || strstr(output, strerror(EDQUOT)) != NULL;
    const char *line = telling_line(output);

    /* The log may be on the same disk, and silent for that reason. */
    if (statvfs(".", &room) == 0)
        is_full = is_full || room.f_bavail * room.f_frsize < (fsblkcnt_t)LEAST_ROOM_MB << 20;
    if (is_full)
        return tq_err_set(err, TQ_ERR_CONNECT, ENOSPC,
                          "%s: the disk that holds %s is full; make room there (100 MB at least), "
                          "or set DATABASE_URL",
                          what, cluster->home);
    return tq_err_set(err, TQ_ERR_CONNECT, 0, "%s: %.*s", what, (int)strcspn(line, "\n"), line);
}

static bool write_file(const char *path, const char *text, int flags, struct tq_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    size_t len = strlen(text);
    bool is_written = fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;

    if (!is_written)
        (void)tq_err_system(err, "cannot write %s", path);
    if (fd >= 0)
        (void)close(fd); /* fsync has told */
    return is_written;
}

static bool write_settings(struct tq_err *err)
{
    struct tq_buf old = {0};
    struct tq_err ignored; /* no file: then it is written */
    bool is_same = tq_buf_add_file(&old, "data/taskq.conf", &ignored) && old.data != NULL &&
                   strcmp(old.data, settings) == 0;

    tq_buf_deinit(&old);
    if (is_same)
        return true;
    return write_file("data/taskq.conf.new", settings, O_TRUNC, err) &&
           (rename("data/taskq.conf.new", "data/taskq.conf") == 0 ||
            tq_err_system(err, "cannot write data/taskq.conf"));
}

static bool run(const struct tq_cluster *cluster, const char *const *argv, struct tq_err *err)
{
    const struct tq_process process = {argv, SIGKILL, cluster->lock_fd};
    struct tq_buf output = {0};
    struct tq_err how;
    bool is_done;

    tq_buf_add_text(&output, ""); /* so that there is a text, even if it writes nothing */
    is_done = tq_process_run(&process, &output, &how);
    if (!is_done) {
        (void)fputs(output.data, stderr); /* the log; it may be on a full disk */
        (void)tq_cluster_explain(cluster, how.message, output.data, err);
    }
    tq_buf_deinit(&output);
    return is_done;
}

static bool create(const struct tq_cluster *cluster, struct tq_err *err)
{
    static const char *const clear[] = {"/bin/rm", "-rf", "data.new", NULL};
    char *program = tq_format("%s/initdb", cluster->programs.folder);
    const char *const make[] = {
        program,           "--pgdata=data.new", "--username=" TQ_CLUSTER_USER, "--auth=trust",
        "--encoding=UTF8", "--locale=C",        "--no-instructions",           NULL};
    struct tq_err ignored; /* the cause is known by then */
    bool is_made = run(cluster, clear, err) && run(cluster, make, err) &&
                   write_file("data.new/postgresql.conf", include_line, O_APPEND, err);

    if (is_made && rename("data.new", "data") != 0)
        is_made = tq_err_system(err, "cannot rename %s/data.new", cluster->home);
    if (!is_made)
        (void)!run(cluster, clear, &ignored);
    free(program);
    return is_made;
}

/* The version that wrote the data; 0: there is none yet. */
static bool read_major(const struct tq_cluster *cluster, int *major, struct tq_err *err)
{
    struct tq_buf text = {0};
    bool is_read = true;

    *major = 0;
    if (access("data", F_OK) == 0) {
        is_read = tq_buf_add_file(&text, "data/PG_VERSION", err);
        *major = is_read && text.data != NULL ? atoi(text.data) : 0;
        if (*major == 0)
            is_read =
                tq_err_set(err, TQ_ERR_CONNECT, 0,
                           "%s/data is no data folder of PostgreSQL: move it away", cluster->home);
    }
    tq_buf_deinit(&text);
    return is_read;
}

static long read_pid(struct tq_buf *text)
{
    struct tq_err ignored; /* there is no such file: no server */

    return tq_buf_add_file(text, "data/postmaster.pid", &ignored) && text->data != NULL
               ? strtol(text->data, NULL, 10)
               : 0;
}

/* Our lock says that no server runs. A file of one that was killed may name a process that has its
   number now, which after a restart of a container is likely; PostgreSQL would then refuse to
   start. A server that somebody has started by hand works in its data folder: leave that alone. */
static void remove_stale_files(void)
{
    struct tq_buf text = {0};
    long pid = read_pid(&text);
    struct stat data, work;
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%ld/cwd", pid);
    if (pid > 0 && kill((pid_t)pid, 0) == 0 && stat("data", &data) == 0 &&
        !(stat(path, &work) == 0 && work.st_ino == data.st_ino && work.st_dev == data.st_dev)) {
        (void)unlink("data/postmaster.pid"); /* what stays behind is the server's to complain of */
        (void)unlink("socket" SOCKET_NAME ".lock");
    }
    tq_buf_deinit(&text);
}

/* The socket's folder in /tmp, where anybody may have made it. */
static bool is_own_folder(const char *path)
{
    struct stat info;

    return strncmp(path, AWAY_PREFIX, strlen(AWAY_PREFIX)) == 0 && lstat(path, &info) == 0 &&
           S_ISDIR(info.st_mode) && info.st_uid == geteuid() && (info.st_mode & 0777) == 0700;
}

static void empty_socket_folder(const char *path)
{
    static const char *const names[] = {SOCKET_NAME, SOCKET_NAME ".lock"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *file = tq_format("%s%s", path, names[i]);

        (void)unlink(file); /* mostly the server has done it */
        free(file);
    }
}

static void leave_socket_folder(struct tq_cluster *cluster)
{
    if (cluster->socket_away != NULL && is_own_folder(cluster->socket_away)) {
        empty_socket_folder(cluster->socket_away);
        (void)rmdir(cluster->socket_away); /* not when somebody has put something into it */
    }
    free(cluster->socket_away);
    cluster->socket_away = NULL;
}

/* libpq takes 107 bytes, and a comma for the end of a host's name. */
static bool make_socket_folder(struct tq_cluster *cluster, struct tq_err *err)
{
    size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path - sizeof "/socket" SOCKET_NAME;
    bool is_near = strlen(cluster->home) <= most && strchr(cluster->home, ',') == NULL;

    if (!is_near && cluster->socket_away != NULL && is_own_folder(cluster->socket_away)) {
        empty_socket_folder(cluster->socket_away);
        return true;
    }
    leave_socket_folder(cluster);
    if (is_near)
        return mkdir("socket", 0700) == 0 || errno == EEXIST ||
               tq_err_system(err, "cannot make %s/socket", cluster->home);
    cluster->socket_away = tq_strdup(AWAY_PREFIX "XXXXXX");
    return mkdtemp(cluster->socket_away) != NULL ||
           tq_err_system(err, "cannot make %s, for the socket", cluster->socket_away);
}

bool tq_cluster_prepare(struct tq_cluster *cluster, struct tq_err *err)
{
    int major;

    if (!read_major(cluster, &major, err) || !tq_programs_find(major, &cluster->programs, err) ||
        (major == 0 && !create(cluster, err)))
        return false;
    remove_stale_files();
    return write_settings(err) && make_socket_folder(cluster, err);
}

bool tq_cluster_start(const struct tq_cluster *cluster, pid_t *pid, struct tq_err *err)
{
    char *program = tq_format("%s/postgres", cluster->programs.folder);
    const char *socket = cluster->socket_away != NULL ? cluster->socket_away : "../socket";
    const char *const argv[] = {program, "-D", "data", "-k", socket, "-p", TQ_CLUSTER_PORT, NULL};
    const struct tq_process process = {argv, SIGINT, cluster->lock_fd};
    bool is_started = tq_process_start(&process, pid, err);

    free(program);
    return is_started;
}

bool tq_cluster_is_ready(pid_t pid)
{
    static const char ready[] = "ready";
    struct tq_buf text = {0};
    const char *line = read_pid(&text) == pid ? text.data : NULL;

    for (int i = 1; line != NULL && i < STATE_LINE; i++) {
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }

    bool is_ready = line != NULL && strncmp(line, ready, strlen(ready)) == 0;

    tq_buf_deinit(&text);
    return is_ready;
}

void tq_cluster_deinit(struct tq_cluster *cluster)
{
    leave_socket_folder(cluster);
    tq_programs_free(&cluster->programs);
}
