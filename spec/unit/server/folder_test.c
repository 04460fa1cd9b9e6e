// SPDX-License-Identifier: MIT
//
// The files and locks of a private PostgreSQL's folder.
#include "server/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "unit/unit.h"

/* Opens a folder two levels below a new one; the caller calls leave(). */
static char *enter(struct tq_folder *folder)
{
    char *root = tq_strdup("/tmp/taskq-unit-XXXXXX");
    struct tq_err err;

    CHECK(mkdtemp(root) != NULL);

    char *path = tq_format("%s/.taskq/pg", root);

    CHECK_OK(tq_folder_open(path, folder, &err), &err);
    free(path);
    return root;
}

static void leave(struct tq_folder *folder, char *root)
{
    char *command = tq_format("rm -r '%s'", root);

    CHECK_INT(system(command), 0);
    free(command);
    free(root);
    tq_folder_close(folder);
}

static int open_file(const struct tq_folder *folder)
{
    struct tq_err err;
    int fd;

    CHECK_OK(tq_folder_file(folder, TQ_FOLDER_READY, &fd, &err), &err);
    return fd;
}

UNIT_TEST(shares_a_lock_or_excludes_others)
{
    struct tq_folder folder;
    char *root = enter(&folder);
    int one = open_file(&folder), two = open_file(&folder);

    CHECK(tq_lock_try(one, LOCK_SH));
    CHECK(tq_lock_try(two, LOCK_SH));
    CHECK(!tq_lock_try(one, LOCK_EX));
    tq_lock_release(two);
    CHECK(tq_lock_wait(one, LOCK_EX, tq_clock_us() + 1000000));
    CHECK(!tq_lock_wait(two, LOCK_SH, tq_clock_us()));
    CHECK_INT(errno, EWOULDBLOCK);
    CHECK(close(one) == 0 && tq_lock_try(two, LOCK_EX) && close(two) == 0);
    leave(&folder, root);
}

UNIT_TEST(does_not_wait_for_what_cannot_be_locked)
{
    CHECK(!tq_lock_wait(-1, LOCK_SH, INT64_MAX));
    CHECK_INT(errno, EBADF);
}

UNIT_TEST(remembers_what_is_ready)
{
    const struct tq_ready long_one = {.major = 15, .socket = "/tmp/taskq-aaaaaa"};
    const struct tq_ready short_one = {.major = 17, .socket = "server/socket"};
    struct tq_folder folder;
    struct tq_ready seen;
    char *root = enter(&folder);
    int fd = open_file(&folder);

    CHECK(!tq_ready_read(fd, &seen));
    CHECK(tq_ready_write(fd, &long_one) && tq_ready_write(fd, &short_one));
    CHECK(tq_ready_read(fd, &seen));
    CHECK_INT(seen.major, 17);
    CHECK_TEXT(seen.socket, "server/socket");
    CHECK(close(fd) == 0);
    leave(&folder, root);
}

UNIT_TEST(does_not_follow_links)
{
    struct tq_folder folder;
    struct tq_err err;
    char *root = enter(&folder);
    char *link = tq_format("%s/" TQ_FOLDER_LOG, folder.path);
    int fd;

    CHECK(symlink("elsewhere", link) == 0);
    CHECK(!tq_folder_file(&folder, TQ_FOLDER_LOG, &fd, &err));
    CHECK_INT(err.code, ELOOP);
    free(link);
    leave(&folder, root);
}
