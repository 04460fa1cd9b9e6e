// SPDX-License-Identifier: MIT
//
// A reading: one look at the handlers' folder, and when it has changed, a new generation, loaded
// for every thread. All of it blocks, so it runs in libuv's thread pool: neither slow disks nor a
// file that loops at its top level hold up a task or the worker.
//
//     nothing changed since the last reading, by its stamp  -> UNCHANGED
//     something did, of which nobody told                    -> STIRRED: wait until it is quiet
//     the files are those of the current generation         -> SAME
//     they do not load, as before or anew                   -> FAILED
//     all threads' states are loaded                        -> LOADED
//
// The stamp is a hash of what stat says of all files. It is not trusted (0) while a file is so
// young that another write could leave the same times behind.
#ifndef TQ_WORKER_READING_H
#define TQ_WORKER_READING_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "base/options.h"
#include "worker/watcher.h"

struct tq_generation;
struct tq_script;
struct tq_source;

enum tq_reading_outcome {
    TQ_READING_UNCHANGED,
    TQ_READING_STIRRED,
    TQ_READING_SAME,
    TQ_READING_FAILED,
    TQ_READING_LOADED,
};

struct tq_reading {
    /* What is asked. */
    const char *folder;
    const struct tq_texts *wanted; /* globs of types */
    struct tq_generation *current; /* referenced */
    int script_count;
    bool is_quiet;           /* something has changed, and is over: load it */
    bool is_forced;          /* a new generation even if nothing has changed */
    atomic_bool is_unwanted; /* [atomic] no further state is loaded: it fails */

    /* [atomic] tq_clock_us() when its present step began, which is the look or the load of one
       state; 0: it has not begun, or has ended. */
    atomic_llong step_us;

    /* Kept from reading to reading. */
    uint64_t stamp, seen;       /* the second, trusted or not: of the last look */
    struct tq_source *rejected; /* what did not load, and why; NULL: nothing */
    struct tq_err rejection;

    /* What came of it. */
    enum tq_reading_outcome outcome;
    struct tq_err err; /* when FAILED */
    char *quote;       /* the line of source that err is about, or NULL */
    char *change;      /* when LOADED: what has changed; NULL: nothing */
    struct tq_generation *generation;
    struct tq_script **scripts; /* of the generation, one an executor */
    struct tq_folders folders;  /* those that were seen */
};

/* In any thread. */
void tq_reading_run(struct tq_reading *reading);

/* Frees what came of it and was not taken (set to NULL). */
void tq_reading_clear(struct tq_reading *reading);

/* Frees everything. */
void tq_reading_deinit(struct tq_reading *reading);

#endif
