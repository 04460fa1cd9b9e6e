// SPDX-License-Identifier: MIT
//
// Choosing the server's user, giving it a place, and becoming it.
#include "server/account.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    (void)snprintf(account->name, sizeof account->name, "%s", entry->pw_name); /* for people only */
    return true;
}

static bool take_uid(uid_t uid, struct tq_account *account, struct tq_err *err)
{
    if (take(getpwuid(uid), account))
        return true;
    return tq_err_set(err, TQ_ERR_SYSTEM, 0,
                      "user id %u has no entry in /etc/passwd, which PostgreSQL needs to run: add "
                      "one, or set DATABASE_URL",
                      (unsigned)uid);
}

bool tq_account_choose(const struct tq_folder *folder, struct tq_account *account,
                       struct tq_err *err)
{
    char *home = tq_format("%s/" TQ_FOLDER_HOME, folder->path);
    struct stat info;
    bool has_home = stat(home, &info) == 0;
    uid_t self = geteuid();

    free(home);
    if (self != 0 && has_home && info.st_uid != self)
        return tq_err_set(err, TQ_ERR_SYSTEM, EPERM,
                          "it belongs to user id %u, you are %u: run taskq as that user or as "
                          "root, or set DATABASE_URL",
                          (unsigned)info.st_uid, (unsigned)self);
    if (self != 0)
        return take_uid(self, account, err);
    if (has_home && info.st_uid != 0)
        return take_uid(info.st_uid, account, err);
    if (folder->uid != 0)
        return take_uid(folder->uid, account, err);
    if (take(getpwnam("postgres"), account) || take(getpwnam("nobody"), account))
        return true;
    return tq_err_set(err, TQ_ERR_SYSTEM, 0,
                      "PostgreSQL refuses to run as root, and there is no user postgres or nobody "
                      "to run it as: add one, or set DATABASE_URL");
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
    struct tq_err err;
    int status = 1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(tq_account_become(account, &err) && chdir(path) == 0 ? 0 : 1);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status == 0;
}

/* "/srv/my app/.taskq/pg" becomes /var/lib/taskq/srv-my-app-XXXXXX. The name is a new one each
   time: somebody who has removed his folder does not want what was in it back. */
static char *state_folder(const struct tq_folder *folder)
{
    enum { LONGEST = 40 };
    char name[LONGEST + 1];
    const char *end = strstr(folder->path, "/.taskq/");
    size_t len = end != NULL ? (size_t)(end - folder->path) : strlen(folder->path);
    const char *from = folder->path + 1;

    len = len > 0 ? len - 1 : 0;
    if (len > LONGEST) {
        from += len - LONGEST;
        len = LONGEST;
    }
    for (size_t i = 0; i < len; i++)
        name[i] = strchr("/ ,'\"\\", from[i]) != NULL ? '-' : from[i];
    name[len] = '\0';
    return tq_format(STATE_FOLDER "/%s-XXXXXX", name);
}

static bool make_elsewhere(const struct tq_folder *folder, const char *link, struct tq_err *err)
{
    char *path = state_folder(folder);
    bool is_made;

    (void)mkdir(STATE_FOLDER, 0755); /* when this fails, so does the next */
    is_made = mkdtemp(path) != NULL && symlink(path, link) == 0;
    if (!is_made)
        (void)tq_err_system(err, "cannot make %s, in place of %s, which PostgreSQL cannot reach",
                            path, folder->path);
    free(path);
    return is_made;
}

static bool make_home(const struct tq_account *account, const struct tq_folder *folder,
                      const char *home, struct tq_err *err)
{
    bool is_near = geteuid() == account->uid || can_enter(account, folder->path);

    if (is_near ? mkdir(home, 0700) != 0 : !make_elsewhere(folder, home, err))
        return is_near ? tq_err_system(err, "cannot make %s", home) : false;
    return true;
}

bool tq_account_home(const struct tq_account *account, const struct tq_folder *folder, char **home,
                     struct tq_err *err)
{
    char *path = tq_format("%s/" TQ_FOLDER_HOME, folder->path);
    struct stat info;
    bool is_ours = false;

    *home = NULL;
    if (lstat(path, &info) != 0 && !make_home(account, folder, path, err))
        goto done;
    *home = realpath(path, NULL);
    if (*home == NULL || stat(*home, &info) != 0) {
        (void)tq_err_system(err, "cannot reach %s", path);
        goto done;
    }
    /* Only one that was just made, or whose maker was killed before this, is root's. */
    if (info.st_uid != account->uid && chown(*home, account->uid, account->gid) != 0) {
        (void)tq_err_system(err, "cannot give %s to the user %s", *home, account->name);
        goto done;
    }
    is_ours = true;
done:
    if (!is_ours) {
        free(*home);
        *home = NULL;
    }
    free(path);
    return is_ours;
}
