// SPDX-License-Identifier: MIT
//
// One uv_fs_event a folder. A handle is bound to the inode that the name led to, so it is replaced
// when the name leads elsewhere, and when the folder itself may have gone: the inode of one that
// was removed is often that of the next one made.
#include "worker/watcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "script/script.h"

struct watch {
    uv_fs_event_t handle;
    struct tq_watcher *watcher;
    struct tq_folder folder;
    char *only;      /* of what is in the folder; NULL: everything */
    bool is_started; /* else the system refused */
    bool is_stale;   /* to be replaced */
    bool is_wanted;
    struct watch *next;
};

struct tq_watcher {
    uv_loop_t *loop;
    char *root, *parent; /* folders, without a slash at the end */
    void (*on_event)(void *owner);
    void *owner;
    struct watch *watches;
    bool is_refused, is_closing;
    size_t open; /* handles that have not closed */
};

/* ---- lists of folders ---- */

void tq_folders_add(struct tq_folders *folders, const char *name, uint64_t device, uint64_t inode)
{
    folders->items =
        tq_grow(folders->items, &folders->capacity, folders->count + 1, sizeof *folders->items);
    folders->items[folders->count++] = (struct tq_folder){tq_strdup(name), device, inode};
}

void tq_folders_clear(struct tq_folders *folders)
{
    for (size_t i = 0; i < folders->count; i++)
        free(folders->items[i].name);
    free(folders->items);
    *folders = (struct tq_folders){0};
}

/* ---- the watcher ---- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

struct tq_watcher *tq_watcher_new(uv_loop_t *loop, const char *root, void (*on_event)(void *owner),
                                  void *owner)
{
    struct tq_watcher *watcher = tq_zalloc(sizeof *watcher);
    size_t len = strlen(root);

    while (len > 1 && root[len - 1] == '/')
        len--;
    watcher->loop = loop;
    watcher->root = tq_memdup(root, len);
    watcher->on_event = on_event;
    watcher->owner = owner;

    const char *name = last_part(watcher->root);
    size_t parent_len = (size_t)(name - watcher->root);

    if (parent_len == 0)
        watcher->parent = tq_strdup(".");
    else
        watcher->parent = tq_memdup(watcher->root, parent_len > 1 ? parent_len - 1 : 1);
    return watcher;
}

static void free_when_closed(struct tq_watcher *watcher)
{
    if (!watcher->is_closing || watcher->open > 0)
        return;
    free(watcher->root);
    free(watcher->parent);
    free(watcher);
}

static void on_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    struct tq_watcher *watcher = watch->watcher;

    free(watch->folder.name);
    free(watch->only);
    free(watch);
    watcher->open--;
    free_when_closed(watcher);
}

/* Editors' hidden files, and other files than Lua's while they are written, are of no interest. A
   name that begins with two dots is: ..data is what changes in a ConfigMap. */
static bool is_of_interest(const struct watch *watch, const char *name, int events)
{
    if (name == NULL)
        return true;
    if (watch->only != NULL)
        return strcmp(name, watch->only) == 0;
    if (name[0] == '.' && name[1] != '.')
        return false;
    return (events & UV_RENAME) != 0 || tq_source_takes(name);
}

static void on_fs_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct watch *watch = handle->data;

    /* libuv gives the folder's own name when it was itself moved or removed. */
    if (status != 0 || name == NULL || strcmp(name, last_part(watch->folder.name)) == 0)
        watch->is_stale = true;
    if (watch->is_stale || is_of_interest(watch, name, events))
        watch->watcher->on_event(watch->watcher->owner);
}

static void start(struct tq_watcher *watcher, struct watch *watch)
{
    int code = uv_fs_event_init(watcher->loop, &watch->handle);

    watch->handle.data = watch;
    watcher->open++;
    if (code == 0)
        code = uv_fs_event_start(&watch->handle, on_fs_event, watch->folder.name, 0);
    watch->is_started = code == 0;
    if (code == 0 || code == UV_ENOENT || watcher->is_refused)
        return; /* one that has just gone is not looked for any more at the next look */
    watcher->is_refused = true;
    tq_log(TQ_LOG_WARN, "reload",
           "cannot watch the handlers: changes are noticed a little later, by looking",
           "folder=%s error=%s", watch->folder.name, uv_strerror(code));
}

/* Marks the watch of a folder as wanted, or makes one; true when it is new. */
static bool want(struct tq_watcher *watcher, const struct tq_folder *folder, const char *only)
{
    struct watch *watch = watcher->watches;

    for (; watch != NULL; watch = watch->next) {
        if (!watch->is_stale && (watch->only == NULL) == (only == NULL) &&
            watch->folder.device == folder->device && watch->folder.inode == folder->inode &&
            strcmp(watch->folder.name, folder->name) == 0)
            break;
    }
    if (watch != NULL) {
        watch->is_wanted = true;
        return false;
    }
    watch = tq_zalloc(sizeof *watch);
    watch->watcher = watcher;
    watch->folder = (struct tq_folder){tq_strdup(folder->name), folder->device, folder->inode};
    watch->only = only != NULL ? tq_strdup(only) : NULL;
    watch->is_wanted = true;
    start(watcher, watch);
    watch->next = watcher->watches;
    watcher->watches = watch;
    return watch->is_started;
}

static void close_unwanted(struct tq_watcher *watcher)
{
    struct watch **at = &watcher->watches;

    while (*at != NULL) {
        struct watch *watch = *at;

        if (watch->is_wanted) {
            watch->is_wanted = false;
            at = &watch->next;
            continue;
        }
        *at = watch->next;
        uv_close((uv_handle_t *)&watch->handle, on_closed);
    }
}

bool tq_watcher_watch(struct tq_watcher *watcher, const struct tq_folders *folders)
{
    bool has_root = false, has_new = false;

    for (size_t i = 0; i < folders->count; i++) {
        has_root |= strcmp(folders->items[i].name, watcher->root) == 0;
        has_new |= want(watcher, &folders->items[i], NULL);
    }
    if (!has_root) {
        const struct tq_folder parent = {.name = watcher->parent};

        has_new |= want(watcher, &parent, last_part(watcher->root));
    }
    close_unwanted(watcher);
    return has_new;
}

void tq_watcher_close(struct tq_watcher *watcher)
{
    watcher->is_closing = true;
    close_unwanted(watcher); /* all: nothing is wanted between two calls of tq_watcher_watch() */
    free_when_closed(watcher);
}
