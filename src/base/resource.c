// SPDX-License-Identifier: MIT
//
// Looking up embedded files. The table is written by cmake/embed.cmake, sorted by path.
#include "base/resource.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

extern const struct tq_resource tq_resources[];
extern const size_t tq_resource_count;

struct override {
    struct tq_resource resource;
    struct override *next;
};

static struct override
    *overrides; /* files read from disk; grows, never shrinks; main thread only */

static const struct tq_resource *find_on_disk(const char *root, const char *path)
{
    struct tq_buf text = {0};
    struct tq_err err;

    for (struct override *o = overrides; o != NULL; o = o->next) {
        if (strcmp(o->resource.path, path) == 0)
            return &o->resource;
    }

    char *file = tq_format("%s/%s", root, path);
    bool is_read = tq_buf_add_file(&text, file, &err);

    free(file);
    if (!is_read) {
        tq_buf_deinit(&text);
        return NULL;
    }

    struct override *o = tq_zalloc(sizeof *o);

    o->resource.len = text.len;
    o->resource.path = tq_strdup(path);
    o->resource.text = tq_buf_take(&text);
    o->next = overrides;
    overrides = o;
    return &o->resource;
}

const struct tq_resource *tq_resource_find(const char *path)
{
    const char *root = getenv("TASKQ_RESOURCES");

    if (root != NULL && *root != '\0')
        return find_on_disk(root, path);
    for (size_t i = 0; i < tq_resource_count; i++) {
        if (strcmp(tq_resources[i].path, path) == 0)
            return &tq_resources[i];
    }
    return NULL;
}

const struct tq_resource *tq_resource_next(const char *prefix, size_t *index)
{
    while (*index < tq_resource_count) {
        const struct tq_resource *found = &tq_resources[(*index)++];

        if (strncmp(found->path, prefix, strlen(prefix)) == 0)
            return tq_resource_find(found->path);
    }
    return NULL;
}
