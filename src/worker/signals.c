// SPDX-License-Identifier: MIT
//
// Masks of threads.
#include "worker/signals.h"

void tq_signals_hold(sigset_t *before)
{
    sigset_t held;

    (void)sigemptyset(&held); /* these cannot fail for signals that there are */
    (void)sigaddset(&held, SIGTERM);
    (void)sigaddset(&held, SIGINT);
    (void)sigaddset(&held, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &held, before);
}

void tq_signals_release(const sigset_t *before)
{
    (void)pthread_sigmask(SIG_SETMASK, before, NULL); /* cannot fail */
}
