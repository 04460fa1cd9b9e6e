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

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/resource.h"
#include "script/script.h"

enum { MAX_DEPTH = 16 }; /* of folders; symbolic links can form loops */

static bool read_folder(struct tq_source *source, const char *folder, const char *prefix, int depth,
                        struct tq_err *err);

static enum tq_file_kind kind_of(const char *path)
{
    if (strncmp(path, "listeners/", 10) == 0)
        return TQ_FILE_LISTENER;
    return strncmp(path, "lib/", 4) == 0 ? TQ_FILE_MODULE : TQ_FILE_HANDLERS;
}

static bool is_lua(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && strcmp(name + len - 4, ".lua") == 0;
}

static bool add_file(struct tq_source *source, const char *name, const char *path,
                     struct tq_err *err)
{
    struct tq_buf text = {0};
    void *files = source->files;

    if (!tq_buf_add_file(&text, name, err)) {
        tq_buf_deinit(&text);
        return false;
    }
    tq_grow(&files, &source->capacity, source->count + 1, sizeof *source->files);
    source->files = files;

    struct tq_source_file *file = &source->files[source->count++];

    file->kind = kind_of(path);
    file->path = tq_strdup(path);
    file->name = tq_strdup(name);
    file->len = text.len;
    file->text = tq_buf_take(&text);
    return true;
}

static bool is_spec(const char *path)
{
    static const char suffix[] = "_spec.lua";
    size_t len = strlen(path), suffix_len = sizeof suffix - 1;

    return strncmp(path, "spec/", 5) == 0 ||
           (len >= suffix_len && strcmp(path + len - suffix_len, suffix) == 0);
}

/* One entry of a folder, which is not hidden; what is neither folder nor Lua file is skipped. */
static bool read_entry(struct tq_source *source, const char *name, const char *path, int depth,
                       struct tq_err *err)
{
    struct stat info;

    if (stat(name, &info) != 0) {
        if (errno == ENOENT) /* it has just gone, or is a link to nothing */
            return true;
        return tq_err_system(err, "cannot read %s", name);
    }
    if (S_ISDIR(info.st_mode)) {
        char *prefix = tq_format("%s/", path);
        bool is_read = read_folder(source, name, prefix, depth + 1, err);

        free(prefix);
        return is_read;
    }
    if (!S_ISREG(info.st_mode) || !is_lua(name) || is_spec(path))
        return true;
    return add_file(source, name, path, err);
}

static bool read_folder(struct tq_source *source, const char *folder, const char *prefix, int depth,
                        struct tq_err *err)
{
    bool is_read = true;
    struct dirent *entry;
    DIR *dir;

    if (depth > MAX_DEPTH)
        return tq_err_set(err, TQ_ERR_HANDLERS, 0,
                          "%s: folders are nested deeper than %d (a loop?)", folder, MAX_DEPTH);
    dir = opendir(folder);
    if (dir == NULL)
        return tq_err_system(err, "cannot read the folder %s", folder);
    while (is_read && (errno = 0, entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;

        char *name = tq_format("%s/%s", folder, entry->d_name);
        char *path = tq_format("%s%s", prefix, entry->d_name);

        is_read = read_entry(source, name, path, depth, err);
        free(path);
        free(name);
    }
    if (is_read && errno != 0)
        is_read = tq_err_system(err, "cannot read the folder %s", folder);
    (void)closedir(dir); /* it was open and nothing was written */
    return is_read;
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
        void *resources = source->resources;

        tq_grow(&resources, &source->resource_capacity, source->resource_count + 1,
                sizeof *source->resources);
        source->resources = resources;
        source->resources[source->resource_count++] = resource;
    }
}

bool tq_source_read(const char *folder, struct tq_source **source, struct tq_err *err)
{
    struct tq_source *made = tq_zalloc(sizeof *made);
    char *trimmed = tq_strdup(folder);

    for (size_t len = strlen(trimmed); len > 1 && trimmed[len - 1] == '/'; len--)
        trimmed[len - 1] = '\0';
    atomic_init(&made->references, 1);
    if (!read_folder(made, trimmed, "", 0, err)) {
        err->domain = TQ_ERR_HANDLERS;
        free(trimmed);
        tq_source_unref(made);
        return false;
    }
    free(trimmed);
    if (made->count > 0)
        qsort(made->files, made->count, sizeof *made->files, compare_files);
    add_resources(made);
    *source = made;
    return true;
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
