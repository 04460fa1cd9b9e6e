// SPDX-License-Identifier: MIT
//
// Making the folder, opening what is in it, and flock without its corners.
//
// Root may work in a folder of somebody else: links in it are not followed, and what is made there
// belongs to its owner, who could not use it otherwise.
#include "server/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum { NAP_NS = 2 * 1000 * 1000 };

static bool make_folders(const char *path, struct tq_err *err)
{
    char *part = tq_strdup(path);
    bool is_made = true;

    for (char *at = part + 1; is_made; at++) {
        char end = *at;

        if (end != '/' && end != '\0')
            continue;
        *at = '\0';
        if (access(part, F_OK) != 0 && mkdir(part, 0755) != 0 && errno != EEXIST)
            is_made = tq_err_system(err,
                                    "run taskq in a folder that you may write to, or set "
                                    "DATABASE_URL: cannot make %s",
                                    part);
        *at = end;
        if (end == '\0')
            break;
    }
    free(part);
    return is_made;
}

bool tq_folder_open(const char *path, struct tq_folder *folder, struct tq_err *err)
{
    struct stat info;

    *folder = (struct tq_folder){0};
    if (!make_folders(path, err))
        return false;
    folder->path = realpath(path, NULL);
    if (folder->path == NULL || stat(folder->path, &info) != 0) {
        (void)tq_err_system(err, "cannot reach the folder %s", path);
        tq_folder_close(folder);
        return false;
    }
    folder->uid = info.st_uid;
    folder->gid = info.st_gid;
    if (geteuid() == 0 || geteuid() == info.st_uid)
        return true;
    tq_folder_close(folder);
    return tq_err_set(err, TQ_ERR_SYSTEM, EPERM,
                      "it belongs to user id %u, and you are %u: be that user or root, work in a "
                      "folder of your own, or set DATABASE_URL",
                      (unsigned)info.st_uid, (unsigned)geteuid());
}

void tq_folder_close(struct tq_folder *folder)
{
    free(folder->path);
    folder->path = NULL;
}

bool tq_folder_file(const struct tq_folder *folder, const char *name, int *fd, struct tq_err *err)
{
    char *path = tq_format("%s/%s", folder->path, name);
    struct stat info;

    enum { FLAGS = O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC };
    bool is_own = false;

    *fd = open(path, FLAGS | O_CREAT | O_EXCL, 0600);
    if (*fd >= 0) /* as root: the folder's owner is to have it */
        is_own = folder->uid == geteuid() || fchown(*fd, folder->uid, folder->gid) == 0;
    else if (errno == EEXIST && (*fd = open(path, FLAGS)) >= 0)
        is_own = fstat(*fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1 &&
                 info.st_uid == folder->uid;
    if (!is_own) {
        if (*fd >= 0)
            errno = EPERM; /* somebody else's file under that name is not ours to take */
        (void)tq_err_system(err, "cannot open %s", path);
        if (*fd >= 0)
            (void)close(*fd); /* nothing was written */
        *fd = -1;
    }
    free(path);
    return *fd >= 0;
}

bool tq_lock_try(int fd, int operation)
{
    int status;

    do
        status = flock(fd, operation | LOCK_NB);
    while (status != 0 && errno == EINTR);
    return status == 0;
}

bool tq_lock_wait(int fd, int operation, int64_t deadline_us)
{
    while (!tq_lock_try(fd, operation)) {
        if (errno != EWOULDBLOCK || tq_clock_us() > deadline_us)
            return false;
        tq_folder_nap();
    }
    return true;
}

void tq_lock_release(int fd)
{
    (void)flock(fd, LOCK_UN); /* cannot fail on a descriptor that is open */
}

bool tq_ready_read(int fd, struct tq_ready *ready)
{
    char text[sizeof ready->socket + 16] = "";

    return pread(fd, text, sizeof text - 1, 0) > 0 &&
           sscanf(text, "%d\n%127s", &ready->major, ready->socket) == 2;
}

bool tq_ready_write(int fd, const struct tq_ready *ready)
{
    return ftruncate(fd, 0) == 0 && dprintf(fd, "%d\n%s\n", ready->major, ready->socket) > 0;
}

void tq_folder_nap(void)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};

    (void)nanosleep(&nap, NULL); /* shorter when a signal comes: the caller looks again anyway */
}
