// SPDX-License-Identifier: MIT
//
// The SQL and Lua files that the program carries inside itself, by their path in the source tree
// ("sql/queries/claim.sql", "lua/taskq/testing.lua"). When TASKQ_RESOURCES names a source tree,
// files are read from there instead, so that a developer can change them without building.
#ifndef TQ_BASE_RESOURCE_H
#define TQ_BASE_RESOURCE_H

#include <stddef.h>

struct tq_resource {
    const char *path;
    const char *text; /* NUL-terminated */
    size_t len;
};

/* The resource at path, or NULL. What is read from disk is kept for the life of the process. Not
   thread-safe while TASKQ_RESOURCES is set: the main thread looks things up before it starts
   others. */
const struct tq_resource *tq_resource_find(const char *path);

/* The embedded ones whose path begins with prefix, in order of path: *index starts at 0. */
const struct tq_resource *tq_resource_next(const char *prefix, size_t *index);

#endif
