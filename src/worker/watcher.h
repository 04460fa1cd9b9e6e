// SPDX-License-Identifier: MIT
//
// The watcher has inotify (by uv_fs_event) tell of changes in folders. Folders, not files: a
// watched file goes dead after one atomic save. It only says that something may have changed, and
// it may miss some: files on network file systems, links to elsewhere, what exceeds the system's
// limits. So somebody has to look now and then all the same. Main thread.
#ifndef TQ_WORKER_WATCHER_H
#define TQ_WORKER_WATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct tq_watcher;

struct tq_folder {
    char *name;
    uint64_t device, inode;
};

struct tq_folders {
    struct tq_folder *items;
    size_t count, capacity;
};

void tq_folders_add(struct tq_folders *folders, const char *name, uint64_t device, uint64_t inode);
void tq_folders_clear(struct tq_folders *folders); /* frees what it holds */

/* root is the folder that the others lie in; it outlives the watcher. */
struct tq_watcher *tq_watcher_new(uv_loop_t *loop, const char *root, void (*on_event)(void *owner),
                                  void *owner);
void tq_watcher_close(struct tq_watcher *watcher); /* frees by the loop's next turn */

/* Watches these folders and no others; while root is not among them, the one that it would be in.
   True when one is new: what happened in it before is not told. */
bool tq_watcher_watch(struct tq_watcher *watcher, const struct tq_folders *folders);

#endif
