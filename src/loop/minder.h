// SPDX-License-Identifier: MIT
//
// The minder: a process beside the worker that ends the worker's child processes when the worker
// can no longer do so itself: it was killed, it exits at once, it starts again as a new image, or
// the thread whose children they are is stuck. It is `taskq minder`, which no person types, and is
// started with the first child. It learns the children's process groups over a pipe, and that the
// worker is gone from the pipe's end. Without a minder (it cannot be started, somebody killed it)
// everything else works.
#ifndef TQ_LOOP_MINDER_H
#define TQ_LOOP_MINDER_H

#include <sys/types.h>

struct tq_minder;

/* Starts no process yet. */
struct tq_minder *tq_minder_new(void);

/* No child is left. */
void tq_minder_free(struct tq_minder *minder);

/* The rest from any thread; minder may be NULL. The owner is whatever tells the owners apart. */

/* Starts the minder's process if need be. To be called before a child is started, so that hardly
   any time passes until it is minded. */
void tq_minder_start(struct tq_minder *minder);
void tq_minder_add(struct tq_minder *minder, const void *owner, pid_t group);
void tq_minder_remove(struct tq_minder *minder, pid_t group);

/* Stops all groups of an owner, as tq_child_release() would. */
void tq_minder_stop(struct tq_minder *minder, const void *owner);

/* The life of the minder, with the pipe as its standard input; returns when the pipe has ended and
   all that is to be stopped has been. */
void tq_minder_main(void);

#endif
