// SPDX-License-Identifier: MIT
//
// Walking a folder with its subfolders. Symbolic links are followed; hidden entries are left out
// (Kubernetes keeps the real files of a ConfigMap in ..data), and so is what is neither a folder
// nor a regular file, and what goes while it is looked at.
#ifndef TQ_BASE_TREE_H
#define TQ_BASE_TREE_H

#include <sys/stat.h>

#include "base/error.h"

/* Either function may be NULL. False, with err, ends the walk. Names begin with the folder's. */
struct tq_tree_visitor {
    void *owner;
    bool (*on_folder)(void *owner, const char *name, const struct stat *info, struct tq_err *err);
    /* path is the name without the folder that the walk began with */
    bool (*on_file)(void *owner, const char *name, const char *path, const struct stat *info,
                    struct tq_err *err);
};

/* Visits a folder before what is in it, which comes in no order. TQ_ERR_SYSTEM when something
   cannot be read; TQ_ERR_USAGE when folders are nested too deep, as in a loop of links. */
TQ_MUST_CHECK bool tq_tree_walk(const char *folder, const struct tq_tree_visitor *visitor,
                                struct tq_err *err);

#endif
