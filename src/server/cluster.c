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

/* A server with less room than one segment of its log cannot work. */
enum { LEAST_ROOM_MB = 16, PID_FILE_STATE_LINE = 8 };

#define INCLUDE_LINE "include_if_exists = 'taskq.conf'\n"

/* Rewritten whenever this program has another one. What is written durably stays so; the rest is
   for a queue on a machine that does other things too. */
static const char settings[] =
    "# Written by taskq at each start. Settings of yours go to the end of postgresql.conf.\n"
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
    "lc_messages = 'C'\n"
    "logging_collector = off\n"
    "log_destination = 'stderr'\n"
    "log_checkpoints = off\n"
    "log_line_prefix = '%m [%p] '\n"
    "log_statement = 'none'\n"
    "log_min_error_statement = panic\n";

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');

    return end != NULL && end[1] != '\0' ? end + 1 : NULL;
}

/* The line that says why: the first with one of the words, else the last one. */
static const char *telling_line(const char *output, size_t *len)
{
    static const char *const words[] = {"PANIC:", "FATAL:", "error:", "ERROR:", "cannot run "};
    const char *found = NULL, *at = NULL;

    for (const char *line = output; line != NULL && at == NULL; line = next_line(line)) {
        size_t line_len = strcspn(line, "\n");

        for (size_t i = 0; at == NULL && i < sizeof words / sizeof *words; i++)
            at = memmem(line, line_len, words[i], strlen(words[i]));
        found = line;
    }
    if (at != NULL)
        found = at;
    *len = found != NULL ? strcspn(found, "\n") : 0;
    return found;
}

bool tq_cluster_explain(const struct tq_cluster *cluster, const char *what, const char *output,
                        struct tq_err *err)
{
    struct statvfs room;
    bool is_full =
        strstr(output, strerror(ENOSPC)) != NULL || strstr(output, strerror(EDQUOT)) != NULL;
    size_t len;
    const char *line = telling_line(output, &len);

    /* The log may be on the same disk, and silent for that reason. */
    if (statvfs(cluster->home, &room) == 0)
        is_full = is_full || room.f_bavail * room.f_frsize < (fsblkcnt_t)LEAST_ROOM_MB << 20;
    if (is_full)
        return tq_err_set(err, TQ_ERR_CONNECT, ENOSPC,
                          "%s failed: the disk that holds %s is full: make room there (100 MB at "
                          "least), or set DATABASE_URL",
                          what, cluster->home);
    if (len == 0)
        return tq_err_set(err, TQ_ERR_CONNECT, 0, "%s failed without a word", what);
    return tq_err_set(err, TQ_ERR_CONNECT, 0, "%s failed: %.*s", what, (int)len, line);
}

static bool write_file(const char *path, const char *text, int flags, struct tq_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    size_t len = strlen(text);
    bool is_written;

    if (fd < 0)
        return tq_err_system(err, "cannot open %s", path);
    is_written = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    if (!is_written)
        (void)tq_err_system(err, "cannot write %s", path);
    (void)close(fd); /* fsync has told */
    return is_written;
}

/* Brings data/taskq.conf up to date. */
static bool write_settings(const char *data, struct tq_err *err)
{
    char *path = tq_format("%s/taskq.conf", data);
    char *fresh = tq_format("%s.new", path);
    struct tq_buf old = {0};
    struct tq_err ignored; /* no file: then it is written */
    bool is_same = tq_buf_add_file(&old, path, &ignored) && old.data != NULL &&
                   strcmp(old.data, settings) == 0;
    bool is_written = is_same || write_file(fresh, settings, O_TRUNC, err);

    if (!is_same && is_written && rename(fresh, path) != 0)
        is_written = tq_err_system(err, "cannot write %s", path);
    tq_buf_deinit(&old);
    free(fresh);
    free(path);
    return is_written;
}

static bool run(const struct tq_cluster *cluster, const char *const *argv, const char *what,
                struct tq_err *err)
{
    const struct tq_process process = {argv, SIGKILL, cluster->lock_fd};
    struct tq_buf output = {0};
    bool is_done;

    tq_buf_add_text(&output, "");
    is_done = tq_process_run(&process, &output, err);
    if (!is_done) {
        (void)fputs(output.data, stderr);
        (void)tq_cluster_explain(cluster, what, output.data, err);
    }
    tq_buf_deinit(&output);
    return is_done;
}

/* What a creation that was cut short has left; also makes room on a full disk. */
static bool remove_rest(const struct tq_cluster *cluster, const char *path, struct tq_err *err)
{
    const char *const argv[] = {"/bin/rm", "-rf", "--", path, NULL};

    return access(path, F_OK) != 0 || run(cluster, argv, "removing what was half made", err);
}

static bool fill(const struct tq_cluster *cluster, const char *path, struct tq_err *err)
{
    char *program = tq_format("%s/initdb", cluster->programs.folder);
    char *conf = tq_format("%s/postgresql.conf", path);
    const char *const argv[] = {program,
                                "--pgdata",
                                path,
                                "--username",
                                TQ_CLUSTER_USER,
                                "--auth",
                                "trust",
                                "--encoding",
                                "UTF8",
                                "--locale",
                                "C",
                                "--text-search-config",
                                "simple",
                                "--no-instructions",
                                NULL};
    bool is_filled = run(cluster, argv, "creating the private PostgreSQL (initdb)", err) &&
                     write_settings(path, err) && write_file(conf, INCLUDE_LINE, O_APPEND, err);

    free(conf);
    free(program);
    return is_filled;
}

static bool create(const struct tq_cluster *cluster, struct tq_err *err)
{
    char *fresh = tq_format("%s.new", cluster->data);
    struct tq_err ignored;
    bool is_created = remove_rest(cluster, fresh, err) && fill(cluster, fresh, err);

    if (is_created && rename(fresh, cluster->data) != 0)
        is_created = tq_err_system(err, "cannot make %s", cluster->data);
    if (!is_created && !remove_rest(cluster, fresh, &ignored)) /* the cause is known already */
        (void)fprintf(stderr, "%s\n", ignored.message);
    free(fresh);
    return is_created;
}

/* The version that wrote the data; 0: there is none yet. */
static bool read_major(const struct tq_cluster *cluster, int *major, struct tq_err *err)
{
    char *path = tq_format("%s/PG_VERSION", cluster->data);
    struct tq_buf text = {0};
    bool is_read = access(cluster->data, F_OK) != 0;

    *major = 0;
    if (!is_read) {
        is_read = tq_buf_add_file(&text, path, err);
        *major = is_read && text.data != NULL ? atoi(text.data) : 0;
        if (is_read && *major == 0)
            is_read = tq_err_set(err, TQ_ERR_CONNECT, 0, "%s holds no version: move %s away", path,
                                 cluster->data);
    }
    tq_buf_deinit(&text);
    free(path);
    return is_read;
}

/* In home, if libpq can address it there: it takes 107 bytes, and a comma for the end of a host. */
static bool make_socket_folder(struct tq_cluster *cluster, struct tq_err *err)
{
    static const char name[] = "/.s.PGSQL." TQ_CLUSTER_PORT;
    enum { LONGEST = sizeof((struct sockaddr_un *)NULL)->sun_path - sizeof name };

    cluster->socket = tq_format("%s/socket", cluster->home);
    cluster->is_socket_away =
        strlen(cluster->socket) > LONGEST || strchr(cluster->socket, ',') != NULL;
    if (!cluster->is_socket_away)
        return mkdir(cluster->socket, 0700) == 0 || errno == EEXIST ||
               tq_err_system(err, "cannot make %s", cluster->socket);
    free(cluster->socket);
    cluster->socket = tq_strdup("/tmp/taskq-XXXXXX"); /* XDG_RUNTIME_DIR goes at logout */
    return mkdtemp(cluster->socket) != NULL ||
           tq_err_system(err, "cannot make %s, for the socket of PostgreSQL", cluster->socket);
}

bool tq_cluster_prepare(struct tq_cluster *cluster, struct tq_err *err)
{
    int major;

    cluster->data = tq_format("%s/data", cluster->home);
    if (!read_major(cluster, &major, err) || !tq_programs_find(major, &cluster->programs, err))
        return false;
    if (major == 0 && !create(cluster, err))
        return false;
    return write_settings(cluster->data, err) && make_socket_folder(cluster, err);
}

bool tq_cluster_start(const struct tq_cluster *cluster, pid_t *pid, struct tq_err *err)
{
    char *program = tq_format("%s/postgres", cluster->programs.folder);
    const char *const argv[] = {program,         "-D", cluster->data,   "-k",
                                cluster->socket, "-p", TQ_CLUSTER_PORT, NULL};
    const struct tq_process process = {argv, SIGINT, cluster->lock_fd};
    bool is_started = tq_process_start(&process, pid, err);

    free(program);
    return is_started;
}

/* As pg_ctl sees it: the first line of postmaster.pid is the server's, the eighth is "ready". */
bool tq_cluster_is_ready(const struct tq_cluster *cluster, pid_t pid)
{
    char *path = tq_format("%s/postmaster.pid", cluster->data);
    struct tq_buf text = {0};
    struct tq_err ignored; /* not there yet */
    bool is_ready = false;

    if (tq_buf_add_file(&text, path, &ignored) && text.data != NULL &&
        strtol(text.data, NULL, 10) == pid) {
        const char *line = text.data;

        for (int i = 1; line != NULL && i < PID_FILE_STATE_LINE; i++)
            line = next_line(line);
        is_ready = line != NULL && strncmp(line, "ready", strlen("ready")) == 0;
    }
    tq_buf_deinit(&text);
    free(path);
    return is_ready;
}

void tq_cluster_deinit(struct tq_cluster *cluster)
{
    if (cluster->is_socket_away)
        (void)rmdir(cluster->socket); /* the server has removed what was in it */
    free(cluster->socket);
    free(cluster->data);
    tq_programs_free(&cluster->programs);
}
