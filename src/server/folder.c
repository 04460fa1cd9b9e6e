// SPDX-License-Identifier: MIT
//
// Making the folder, opening what is in it, and flock without its corners.
//
// Root may work in a folder of somebody else: links in it are not followed, and what is made there
// belongs to its owner, who could not use it otherwise.
#include "server/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum { NAP_NS = 2 * 1000 * 1000 };

static const char remedy[] = "run taskq in a folder that you may write to, or set DATABASE_URL";

static bool make_folders(const char *path, struct tq_err *err)
{
    char *part = tq_strdup(path);
    bool is_made = true;

    for (char *at = part + 1; is_made && *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            (void)mkdir(part, 0755); /* what fails here fails again at the last one */
            *at = '/';
        }
    }
    if (mkdir(part, 0755) != 0 && errno != EEXIST) {
        (void)tq_err_system(err, "cannot make the folder %s", path);
        is_made = tq_err_prefix(err, "%s", remedy);
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
    if (S_ISDIR(info.st_mode))
        return true;
    tq_folder_close(folder);
    return tq_err_set(err, TQ_ERR_SYSTEM, ENOTDIR, "%s is not a folder", path);
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

    *fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0) {
        (void)tq_err_system(err, "cannot open %s", path);
    } else if (fstat(*fd, &info) != 0 ||
               (geteuid() == 0 && fchown(*fd, folder->uid, folder->gid) != 0)) {
        (void)tq_err_system(err, "cannot use %s", path);
        (void)close(*fd); /* nothing was written */
        *fd = -1;
    } else if (!S_ISREG(info.st_mode)) {
        (void)tq_err_set(err, TQ_ERR_SYSTEM, 0, "%s is not a file", path);
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
        if (tq_clock_us() > deadline_us)
            return false;
        tq_folder_nap();
    }
    return true;
}

void tq_lock_release(int fd)
{
    (void)flock(fd, LOCK_UN); /* cannot fail on a descriptor that is open */
}

void tq_folder_nap(void)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};

    (void)nanosleep(&nap, NULL); /* shorter when a signal comes: the caller looks again anyway */
}
