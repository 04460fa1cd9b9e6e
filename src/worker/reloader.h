// SPDX-License-Identifier: MIT
//
// The reloader notices that handlers have changed and has them loaded; see reading.h. What has
// loaded is handed to the owner, whole; what has not is logged once, and nothing changes.
//
//     IDLE --event, or a look every 2 s that sees a change--> QUIET
//     QUIET --50 ms without another event, or 150 in all--> READING
//     READING --handed over, or refused--> IDLE
//             --something has changed meanwhile--> QUIET, for half a second at most
//
// So a deployment of several files is read when it is over.
// Main thread, but for the reading.
#ifndef TQ_WORKER_RELOADER_H
#define TQ_WORKER_RELOADER_H

#include <uv.h>

#include "base/options.h"

struct tq_generation;
struct tq_reloader;
struct tq_script;

struct tq_reloader_config {
    uv_loop_t *loop;
    const char *folder;
    const struct tq_texts *wanted;           /* globs of types */
    struct tq_generation *const *generation; /* the current one, when it is looked at */
    int script_count;
    bool is_watching;  /* else only what is asked for is read */
    bool shows_source; /* errors are logged with their line of source */
    void *owner;
    /* Takes over both; scripts are script_count states of the generation, the array is lent. */
    void (*on_loaded)(void *owner, struct tq_generation *generation, struct tq_script **scripts);
    /* What is wrong with the files now; NULL: nothing any more. */
    void (*on_error)(void *owner, const char *message);
    /* After tq_reloader_close(): the reading does not end, and nothing can end it. */
    void (*on_stuck)(void *owner);
};

struct tq_reloader *tq_reloader_new(const struct tq_reloader_config *config);

/* A new generation, whether the files have changed or not. */
void tq_reloader_ask(struct tq_reloader *reloader);

/* Nothing is loaded any more. */
void tq_reloader_stop(struct tq_reloader *reloader);

/* After stopping: frees by the loop's next turn, or after the reading that is under way; if that
   does not end, on_stuck is called instead. */
void tq_reloader_close(struct tq_reloader *reloader);

#endif
