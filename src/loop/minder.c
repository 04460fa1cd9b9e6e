// SPDX-License-Identifier: MIT
//
// Both sides of the minder: what the worker tells it, and what it does. A note is smaller than
// PIPE_BUF, so those of several threads do not mix.
#include "loop/minder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "base/clock.h"
#include "base/memory.h"

enum { PATIENCE_MS = 200, NO_GROUP = 0 };

enum note_kind { NOTE_ADD, NOTE_REMOVE, NOTE_STOP };

struct note {
    enum note_kind kind;
    pid_t group;
    uint64_t owner;
};

/* ---- the worker's side ---- */

struct tq_minder {
    pthread_mutex_t mutex;
    bool is_started; /* [lock] it was tried */
    int fd;          /* [lock] of the pipe; -1: none */
    pid_t pid;       /* [lock] */
};

struct tq_minder *tq_minder_new(void)
{
    struct tq_minder *minder = tq_zalloc(sizeof *minder);

    (void)pthread_mutex_init(&minder->mutex, NULL); /* always 0 */
    minder->fd = -1;
    return minder;
}

/* In a session of its own, so that what a terminal sends does not reach it, with no signal blocked
   or ignored, and no descriptor but the pipe and standard error. */
static int spawn_minder(int pipe_end, pid_t *pid)
{
    char name[] = "taskq", command[] = "minder";
    char *argv[] = {name, command, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int code;

    (void)sigemptyset(&none); /* the sets are valid */
    (void)sigfillset(&all);
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&files); /* always 0 */
        return ENOMEM;
    }
    code = posix_spawn_file_actions_adddup2(&files, pipe_end, STDIN_FILENO);
    if (code == 0)
        code = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (code == 0)
        code = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                         POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setsigmask(&attributes, &none); /* both always 0 */
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); /* libraries forget it */
    if (code == 0)
        code = posix_spawn(pid, "/proc/self/exe", &files, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes); /* both always 0 */
    (void)posix_spawn_file_actions_destroy(&files);
    return code;
}

/* With the lock. */
static void start(struct tq_minder *minder)
{
    int fds[2];

    if (minder->is_started)
        return;
    minder->is_started = true;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return;
    (void)fcntl(fds[1], F_SETFL, O_NONBLOCK); /* a minder that is stopped holds nobody up */
    if (spawn_minder(fds[0], &minder->pid) == 0)
        minder->fd = fds[1];
    else
        (void)close(fds[1]); /* nothing was written */
    (void)close(fds[0]);
}

/* A minder that is gone is no error of the one who tells it something. */
static void tell(struct tq_minder *minder, const struct note *note)
{
    ssize_t len;

    (void)pthread_mutex_lock(&minder->mutex); /* fails only for a mutex that is none */
    do {
        len = minder->fd >= 0 ? write(minder->fd, note, sizeof *note) : 0;
    } while (len < 0 && errno == EINTR);
    (void)pthread_mutex_unlock(&minder->mutex);
}

void tq_minder_start(struct tq_minder *minder)
{
    if (minder == NULL)
        return;
    (void)pthread_mutex_lock(&minder->mutex); /* as above */
    start(minder);
    (void)pthread_mutex_unlock(&minder->mutex);
}

void tq_minder_add(struct tq_minder *minder, const void *owner, pid_t group)
{
    const struct note note = {NOTE_ADD, group, (uintptr_t)owner};

    if (minder != NULL)
        tell(minder, &note);
}

void tq_minder_remove(struct tq_minder *minder, pid_t group)
{
    const struct note note = {NOTE_REMOVE, group, 0};

    if (minder != NULL)
        tell(minder, &note);
}

void tq_minder_stop(struct tq_minder *minder, const void *owner)
{
    const struct note note = {NOTE_STOP, NO_GROUP, (uintptr_t)owner};

    if (minder != NULL)
        tell(minder, &note);
}

void tq_minder_free(struct tq_minder *minder)
{
    if (minder->fd >= 0) {
        (void)close(minder->fd); /* it has only been written to */
        while (waitpid(minder->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    (void)pthread_mutex_destroy(&minder->mutex); /* nobody has it */
    free(minder);
}

/* ---- the minder's side ---- */

struct group {
    pid_t group;
    uint64_t owner;
    int64_t kill_us; /* when it gets SIGKILL; 0: it is not being stopped */
};

struct groups {
    struct group *list;
    size_t count, capacity;
};

static void add(struct groups *groups, const struct note *note)
{
    groups->list =
        tq_grow(groups->list, &groups->capacity, groups->count + 1, sizeof *groups->list);
    groups->list[groups->count++] = (struct group){note->group, note->owner, 0};
}

static void forget(struct groups *groups, size_t i)
{
    groups->list[i] = groups->list[--groups->count];
}

static void stop(struct group *group)
{
    if (group->kill_us != 0)
        return;
    (void)kill(-group->group, SIGTERM); /* fails when it is gone */
    group->kill_us = tq_clock_us() + PATIENCE_MS * 1000;
}

static void obey(struct groups *groups, const struct note *note)
{
    if (note->kind == NOTE_ADD)
        add(groups, note);
    for (size_t i = groups->count; note->kind != NOTE_ADD && i > 0; i--) {
        struct group *group = &groups->list[i - 1];

        if (note->kind == NOTE_REMOVE && group->group == note->group)
            forget(groups, i - 1);
        else if (note->kind == NOTE_STOP && group->owner == note->owner)
            stop(group);
    }
}

/* Kills what has had its time. Returns how many ms are left for the next one; -1: for none. */
static int kill_due(struct groups *groups)
{
    int64_t now_us = tq_clock_us(), first_us = INT64_MAX;

    for (size_t i = groups->count; i > 0; i--) {
        struct group *group = &groups->list[i - 1];

        if (group->kill_us == 0)
            continue;
        if (now_us < group->kill_us && kill(-group->group, 0) == 0) {
            first_us = group->kill_us < first_us ? group->kill_us : first_us;
            continue;
        }
        (void)kill(-group->group, SIGKILL); /* fails when it is gone */
        forget(groups, i - 1);
    }
    return first_us == INT64_MAX ? -1 : (int)((first_us - now_us) / 1000) + 1;
}

/* The next note; false at the end of the pipe. */
static bool read_note(struct note *note)
{
    size_t have = 0;

    while (have < sizeof *note) {
        ssize_t len = read(STDIN_FILENO, (char *)note + have, sizeof *note - have);

        if (len == 0 || (len < 0 && errno != EINTR))
            return false;
        have += len > 0 ? (size_t)len : 0;
    }
    return true;
}

void tq_minder_main(void)
{
    struct groups groups = {0};
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    struct note note;

    for (;;) {
        int ready = poll(&input, 1, kill_due(&groups));

        if (ready < 0 && errno != EINTR)
            break;
        if (ready <= 0)
            continue;
        if (!read_note(&note))
            break;
        obey(&groups, &note);
    }
    for (size_t i = 0; i < groups.count; i++)
        stop(&groups.list[i]);
    for (int ms; (ms = kill_due(&groups)) > 0;)
        (void)poll(NULL, 0, ms); /* 0: the time is over */
    free(groups.list);
}
