// SPDX-License-Identifier: MIT
//
// Reading a handlers folder. Every *.lua in it and in its subfolders is one of these, by
// where it lies:
//
//     handlers/listeners/...   a listener file
//     handlers/lib/...         a module for require: lib/money.lua is require "money"
//     handlers/spec/...        left alone, as *_spec.lua is everywhere: specs, for `taskq test`
//     handlers/...             a handler file, which require finds too: a/b.lua is require "a.b"
//
// Hidden files and folders are skipped (Kubernetes keeps the real files of a ConfigMap in ..data).
#include "script/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/resource.h"
#include "base/tree.h"
#include "script/script.h"

static enum tq_file_kind kind_of(const char *path)
{
    if (strncmp(path, "listeners/", 10) == 0)
        return TQ_FILE_LISTENER;
    return strncmp(path, "lib/", 4) == 0 ? TQ_FILE_MODULE : TQ_FILE_HANDLERS;
}

static bool ends_with(const char *path, const char *suffix)
{
    size_t len = strlen(path), suffix_len = strlen(suffix);

    return len > suffix_len && strcmp(path + len - suffix_len, suffix) == 0;
}

bool tq_source_takes(const char *path)
{
    return ends_with(path, ".lua") && !ends_with(path, "_spec.lua") &&
           strncmp(path, "spec/", 5) != 0;
}

static bool add_file(void *owner, const char *name, const char *path, const struct stat *info,
                     struct tq_err *err)
{
    struct tq_source *source = owner;
    struct tq_buf text = {0};

    (void)info;
    if (!tq_source_takes(path))
        return true;
    if (!tq_buf_add_file(&text, name, err)) {
        tq_buf_deinit(&text);
        return false;
    }
    source->files =
        tq_grow(source->files, &source->capacity, source->count + 1, sizeof *source->files);

    struct tq_source_file *file = &source->files[source->count++];

    file->kind = kind_of(path);
    file->path = tq_strdup(path);
    file->name = tq_strdup(name);
    file->len = text.len;
    file->text = tq_buf_take(&text);
    return true;
}

static int compare_files(const void *a, const void *b)
{
    const struct tq_source_file *left = a, *right = b;

    return strcmp(left->path, right->path);
}

/* Looked up now because threads may not while resources come from the disk; see resource.h. */
static void add_resources(struct tq_source *source)
{
    const struct tq_resource *resource;
    size_t index = 0;

    while ((resource = tq_resource_next("lua/taskq/", &index)) != NULL) {
        source->resources = tq_grow(source->resources, &source->resource_capacity,
                                    source->resource_count + 1, sizeof *source->resources);
        source->resources[source->resource_count++] = resource;
    }
}

struct tq_source *tq_source_new_empty(void)
{
    struct tq_source *made = tq_zalloc(sizeof *made);

    atomic_init(&made->references, 1);
    add_resources(made);
    return made;
}

/* Why a walk failed, as an error of handlers, and what to do where it was the folder itself. */
static bool refuse_folder(struct tq_err *err)
{
    const char *remedy = err->code == ENOENT || err->code == ENOTDIR
                             ? ": make it, or name the folder of the handlers with --handlers"
                             : "";
    char *cause = tq_strdup(err->message);

    (void)tq_err_set(err, TQ_ERR_HANDLERS, err->code, "%s%s", cause, remedy);
    free(cause);
    return false;
}

bool tq_source_read(const char *folder, struct tq_source **source, struct tq_err *err)
{
    struct tq_source *made = tq_source_new_empty();
    const struct tq_tree_visitor visitor = {.owner = made, .on_file = add_file};

    made->folder = tq_strdup(folder);
    if (!tq_tree_walk(folder, &visitor, err)) {
        tq_source_unref(made);
        return refuse_folder(err);
    }
    if (made->count > 0)
        qsort(made->files, made->count, sizeof *made->files, compare_files);
    *source = made;
    return true;
}

void tq_source_allow(struct tq_source *source, const struct tq_texts *c_modules)
{
    source->c_modules = c_modules;
}

const struct tq_texts *tq_source_allowed(const struct tq_source *source)
{
    return source->c_modules;
}

void tq_source_ref(struct tq_source *source)
{
    atomic_fetch_add(&source->references, 1);
}

void tq_source_unref(struct tq_source *source)
{
    if (atomic_fetch_sub(&source->references, 1) > 1)
        return;
    for (size_t i = 0; i < source->count; i++) {
        free(source->files[i].path);
        free(source->files[i].name);
        free(source->files[i].text);
    }
    free(source->files);
    free(source->folder);
    free(source->resources);
    free(source);
}

const struct tq_source_file *tq_source_find(const struct tq_source *source, const char *path)
{
    struct tq_source_file key = {.path = (char *)(uintptr_t)path};

    if (source->count == 0)
        return NULL;
    return bsearch(&key, source->files, source->count, sizeof key, compare_files);
}
