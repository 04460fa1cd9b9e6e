// SPDX-License-Identifier: MIT
//
// Walking a folder, depth first.
#include "base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { MAX_DEPTH = 16 }; /* of folders; symbolic links can form loops */

struct walk {
    const struct tq_tree_visitor *visitor;
    size_t skip; /* bytes of the first folder's name, and the slash */
};

static bool walk_folder(const struct walk *walk, const char *name, int depth, struct tq_err *err);

static bool visit_entry(const struct walk *walk, const char *name, int depth, struct tq_err *err)
{
    const struct tq_tree_visitor *visitor = walk->visitor;
    struct stat info;

    if (stat(name, &info) != 0) {
        if (errno == ENOENT) /* it has just gone, or is a link to nothing */
            return true;
        return tq_err_system(err, "cannot read %s", name);
    }
    if (S_ISDIR(info.st_mode))
        return walk_folder(walk, name, depth + 1, err);
    if (!S_ISREG(info.st_mode) || visitor->on_file == NULL)
        return true;
    return visitor->on_file(visitor->owner, name, name + walk->skip, &info, err);
}

static bool walk_entries(const struct walk *walk, const char *folder, DIR *dir, int depth,
                         struct tq_err *err)
{
    bool is_walked = true;
    struct dirent *entry;

    while (is_walked && (errno = 0, entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;

        char *name = tq_format("%s/%s", folder, entry->d_name);

        is_walked = visit_entry(walk, name, depth, err);
        free(name);
    }
    if (is_walked && errno != 0)
        return tq_err_system(err, "cannot read the folder %s", folder);
    return is_walked;
}

static bool walk_folder(const struct walk *walk, const char *name, int depth, struct tq_err *err)
{
    const struct tq_tree_visitor *visitor = walk->visitor;
    struct stat info;
    bool is_walked;
    DIR *dir;

    if (depth > MAX_DEPTH)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "%s: folders are nested deeper than %d (a loop?)",
                          name, MAX_DEPTH);
    dir = opendir(name);
    if (dir == NULL && errno == ENOENT && depth > 0) /* it has just gone */
        return true;
    if (dir == NULL || fstat(dirfd(dir), &info) != 0) {
        (void)tq_err_system(err, "cannot read the folder %s", name);
        is_walked = false;
    } else {
        is_walked =
            visitor->on_folder == NULL || visitor->on_folder(visitor->owner, name, &info, err);
        is_walked = is_walked && walk_entries(walk, name, dir, depth, err);
    }
    if (dir != NULL)
        (void)closedir(dir); /* it was open and nothing was written */
    return is_walked;
}

bool tq_tree_walk(const char *folder, const struct tq_tree_visitor *visitor, struct tq_err *err)
{
    char *trimmed = tq_strdup(folder);
    size_t len = strlen(trimmed);
    bool is_walked;

    while (len > 1 && trimmed[len - 1] == '/')
        trimmed[--len] = '\0';

    const struct walk walk = {visitor, len + 1};

    is_walked = walk_folder(&walk, trimmed, 0, err);
    free(trimmed);
    return is_walked;
}
