// SPDX-License-Identifier: MIT
//
// Choosing the server's user, giving it a place, and becoming it.
//
// Root may work in a folder of somebody who wishes him ill. So in such a folder the server runs as
// the folder's owner, and root gives nothing away but what he has made himself.
#include "server/account.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

#define STATE_FOLDER "/var/lib/taskq"

static bool take(const struct passwd *entry, struct tq_account *account)
{
    if (entry == NULL || entry->pw_uid == 0)
        return false;
    account->uid = entry->pw_uid;
    account->gid = entry->pw_gid;
    (void)snprintf(account->name, sizeof account->name, "%s", entry->pw_name);
    return true;
}

bool tq_account_choose(const struct tq_folder *folder, struct tq_account *account,
                       struct tq_err *err)
{
    char *home = tq_format("%s/" TQ_FOLDER_HOME, folder->path);
    uid_t uid = geteuid() != 0 ? geteuid() : folder->uid;
    struct stat info;

    if (uid == 0 && stat(home, &info) == 0)
        uid = info.st_uid;
    free(home);
    if (uid != 0)
        return take(getpwuid(uid), account) ||
               tq_err_set(err, TQ_ERR_SYSTEM, 0,
                          "user id %u has no entry in /etc/passwd, which PostgreSQL needs: add "
                          "one, or set DATABASE_URL",
                          (unsigned)uid);
    return take(getpwnam("postgres"), account) || take(getpwnam("nobody"), account) ||
           tq_err_set(err, TQ_ERR_SYSTEM, 0,
                      "PostgreSQL refuses to run as root, and there is no user postgres or nobody: "
                      "add one, or set DATABASE_URL");
}

bool tq_account_become(const struct tq_account *account, struct tq_err *err)
{
    if (geteuid() == account->uid)
        return true;
    if (initgroups(account->name, account->gid) == 0 && setgid(account->gid) == 0 &&
        setuid(account->uid) == 0)
        return true;
    return tq_err_system(err, "cannot become the user %s, to run PostgreSQL as", account->name);
}

/* Asks a child, because only the kernel knows (groups, access control lists, mounts). */
static bool can_enter(const struct tq_account *account, const char *path)
{
    struct tq_err ignored;
    int status = 1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(tq_account_become(account, &ignored) && chdir(path) == 0 ? 0 : 1);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status == 0;
}

static bool give(const struct tq_account *account, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool is_given = fd >= 0 && fchown(fd, account->uid, account->gid) == 0;

    if (fd >= 0)
        (void)close(fd); /* nothing was written */
    return is_given;
}

/* The name is a new one each time: whoever has removed his folder does not want what was in it
   back. The link `folder` in it is for people who wonder whose it is. */
static bool make_away(const struct tq_account *account, const struct tq_folder *folder,
                      const char *link)
{
    char path[] = STATE_FOLDER "/XXXXXX";
    char *back;
    bool is_made;

    (void)mkdir(STATE_FOLDER, 0755); /* if this fails, so does the next */
    if (mkdtemp(path) == NULL)
        return false;
    back = tq_format("%s/folder", path);
    is_made = symlink(folder->path, back) == 0 && give(account, path) && symlink(path, link) == 0;
    free(back);
    return is_made;
}

static bool make_home(const struct tq_account *account, const struct tq_folder *folder,
                      const char *path, struct tq_err *err)
{
    if (geteuid() == account->uid || can_enter(account, folder->path))
        return (mkdir(path, 0700) == 0 && give(account, path)) ||
               tq_err_system(err, "cannot make %s", path);
    return make_away(account, folder, path) ||
           tq_err_system(err,
                         "cannot make a folder in " STATE_FOLDER ", in place of %s, which the "
                         "user %s cannot reach",
                         folder->path, account->name);
}

bool tq_account_home(const struct tq_account *account, const struct tq_folder *folder, char **home,
                     struct tq_err *err)
{
    char *path = tq_format("%s/" TQ_FOLDER_HOME, folder->path);
    struct stat info;

    *home = NULL;
    if (lstat(path, &info) == 0 || make_home(account, folder, path, err)) {
        *home = realpath(path, NULL);
        if (*home == NULL || stat(*home, &info) != 0) {
            (void)tq_err_system(err, "cannot reach %s", path);
        } else if (info.st_uid != account->uid) {
            (void)tq_err_set(
                err, TQ_ERR_SYSTEM, EPERM,
                "%s belongs to user id %u, not to %s: give it to them, or move it away", path,
                (unsigned)info.st_uid, account->name);
            free(*home);
            *home = NULL;
        }
    }
    free(path);
    return *home != NULL;
}
