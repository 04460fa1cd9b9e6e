// SPDX-License-Identifier: MIT
//
// The inside of a source, for the files of script/: a snapshot of a handlers folder.
#ifndef TQ_SCRIPT_SOURCE_H
#define TQ_SCRIPT_SOURCE_H

#include <stdatomic.h>
#include <stddef.h>

struct tq_resource;
struct tq_texts;

enum tq_file_kind {
    TQ_FILE_HANDLERS, /* returns a handler or a list of them */
    TQ_FILE_LISTENER, /* below listeners/ */
    TQ_FILE_MODULE,   /* below lib/: runs when required */
};

struct tq_source_file {
    enum tq_file_kind kind;
    char *path; /* below the folder: "billing/invoice.lua" */
    char *name; /* with the folder, for messages: "handlers/billing/invoice.lua" */
    char *text;
    size_t len;
};

struct tq_source {
    atomic_int references;
    char *folder;
    const struct tq_texts *c_modules; /* that may be required, by name; NULL: none */
    struct tq_source_file *files;     /* sorted by path */
    size_t count, capacity;
    const struct tq_resource **resources; /* the program's own modules, "lua/taskq/..." */
    size_t resource_count, resource_capacity;
};

const struct tq_source_file *tq_source_find(const struct tq_source *source, const char *path);

#endif
