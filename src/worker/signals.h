// SPDX-License-Identifier: MIT
//
// The signals that a worker hears are the main thread's. Any other thread is started while they are
// held back, and never takes one; so the main thread can hold them back for the whole process, for
// as long as libuv has taken its handler away and no other one is there. Programs that handlers
// start have a mask of their own.
#ifndef TQ_WORKER_SIGNALS_H
#define TQ_WORKER_SIGNALS_H

#include <signal.h>

void tq_signals_hold(sigset_t *before);
void tq_signals_release(const sigset_t *before);

#endif
