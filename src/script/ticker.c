// SPDX-License-Identifier: MIT
//
// The ticker of a thread: a timer over the processor time of this thread, so that a thread that
// waits has no ticks. The kernel rounds the period up to its own tick (4 ms where it has 250 a
// second). Each tick is a SIGURG to the thread itself; its handler arms the hook of a slice that
// has become long.
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "script/state.h"

enum { PERIOD_NS = 3 * 1000 * 1000, TICKS_BEFORE_ARMED_AGAIN = 16 };

#ifndef sigev_notify_thread_id /* glibc before 2.38 has the field and no name for it */
#define sigev_notify_thread_id _sigev_un._tid
#endif

static _Thread_local struct tq_script *volatile watched; /* what the signal handler must read */

void tq_ticker_watch(struct tq_script *script)
{
    atomic_signal_fence(memory_order_seq_cst); /* the handler sees the slice's fields before this */
    watched = script;
    atomic_signal_fence(memory_order_seq_cst);
}

#if TQ_IS_ALWAYS_HOOKED

/* Debian's liblua leaves by this name, which TSan does not know: it would think that the frames
   below are still there. */
void __longjmp_chk(jmp_buf place, int value);

void __longjmp_chk(jmp_buf place, int value)
{
    longjmp(place, value);
}

bool tq_ticker_start(struct tq_err *err)
{
    (void)err; /* cannot fail: slice.c keeps a hook on instead */
    return true;
}

void tq_ticker_stop(void)
{
}

#else

static _Thread_local timer_t timer;
static _Thread_local bool is_ticking;

/* Did another thread ask the run to stop? Then this signal is from there. */
static bool is_asked(const struct tq_script *script)
{
    return script->run != NULL && atomic_load(&script->run->asked) != TQ_STOP_NONE;
}

/* Arming walks the whole stack, which takes 10 ms when it is 400,000 calls deep: done at each tick,
   the thread would do nothing else. It is repeated all the same because Lua, when it is just
   leaving a hook, can miss it. */
static void on_tick(int signal_number)
{
    struct tq_script *script = watched;
    lua_State *L;

    (void)signal_number;
    if (script == NULL)
        return;
    script->ticks = script->ticks + 1;
    L = script->current;
    if (L == NULL)
        return;
    if (!is_asked(script) &&
        (script->ticks < TQ_TICKS_A_SLICE ||
         (L == script->armed && script->ticks % TICKS_BEFORE_ARMED_AGAIN != 0)))
        return;
    script->armed = L;
    tq_slice_arm(L);
}

bool tq_ticker_start(struct tq_err *err)
{
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGURG};
    struct itimerspec period = {{0, PERIOD_NS}, {0, PERIOD_NS}};
    sigset_t urgent;

    if (is_ticking)
        return true;
    event.sigev_notify_thread_id = gettid();
    (void)sigemptyset(&urgent); /* both cannot fail for a valid set and signal */
    (void)sigaddset(&urgent, SIGURG);
    if (sigaction(SIGURG, &action, NULL) != 0)
        return tq_err_system(err, "cannot handle SIGURG");
    errno = pthread_sigmask(SIG_UNBLOCK, &urgent, NULL);
    if (errno != 0)
        return tq_err_system(err, "cannot unblock SIGURG");
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0)
        return tq_err_system(err, "cannot make the timer that preempts handlers");
    if (timer_settime(timer, 0, &period, NULL) != 0) {
        (void)timer_delete(timer); /* it exists: nothing can fail */
        return tq_err_system(err, "cannot start the timer that preempts handlers");
    }
    is_ticking = true;
    return true;
}

void tq_ticker_stop(void)
{
    if (is_ticking)
        (void)timer_delete(timer); /* it exists: nothing can fail */
    is_ticking = false;
}

#endif
