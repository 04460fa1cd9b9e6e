// SPDX-License-Identifier: MIT
//
// How a worker ends: signals, draining, leaving, and taking the parts down. Main thread. The phases
// are told in worker.c.
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/signals.h"
#include "worker/state.h"

enum { STUCK_MS = 5000 }; /* how long an interrupted handler may take to come back */

static void close_all(struct tq_worker *worker);

bool tq_worker_is_quiet(const struct tq_worker *worker)
{
    return tq_dispatcher_held(worker->dispatcher) == 0 && tq_settler_pending(worker->settler) == 0;
}

static void interrupt(struct tq_worker *worker, const char *why)
{
    size_t held = tq_dispatcher_interrupt(worker->dispatcher);

    worker->is_interrupting = true;
    if (held > 0) {
        tq_log(TQ_LOG_WARN, "worker", "interrupting what still runs", "why=%s tasks=%zu", why,
               held);
        worker->exit = TQ_EXIT_TIMEOUT;
    }
}

/* The shutdown timeout; then a handler, and then a database, that does not come back. */
static void on_shutdown_timer(uv_timer_t *timer)
{
    struct tq_worker *worker = timer->data;

    if (worker->phase == TQ_WORKER_CLOSED)
        return;
    if (!worker->is_interrupting) {
        interrupt(worker, "shutdown timeout");
        (void)uv_timer_start(timer, on_shutdown_timer, STUCK_MS, 0); /* not null */
        return;
    }
    if (!worker->is_hushing && tq_events_pending(worker->events) > 0) {
        worker->is_hushing = true;
        tq_events_hush(worker->events);
        (void)uv_timer_start(timer, on_shutdown_timer, STUCK_MS, 0); /* not null */
        return;
    }
    if (!worker->is_giving_up) {
        worker->is_giving_up = true;
        tq_watchdog_give_up_all(worker->watchdog);
        (void)uv_timer_start(timer, on_shutdown_timer, STUCK_MS, 0); /* not null */
        return;
    }
    tq_log(TQ_LOG_ERROR, "worker",
           "leaving with tasks in hand: their lease runs out, and others take them over",
           "tasks=%zu unwritten=%zu", tq_dispatcher_held(worker->dispatcher),
           tq_settler_pending(worker->settler));
    worker->is_abandoned = true;
    worker->exit = TQ_EXIT_TIMEOUT;
    uv_stop(&worker->loop);
}

void tq_worker_drain(struct tq_worker *worker, const char *why)
{
    worker->phase = TQ_WORKER_DRAINING;
    atomic_store(&worker->is_draining, true); /* from here on nothing starts */
    tq_log(TQ_LOG_INFO, "worker", "draining", "why=%s held=%zu", why,
           tq_dispatcher_held(worker->dispatcher));
    tq_claimer_pause(worker->claimer);
    tq_reloader_stop(worker->reloader);
    tq_dispatcher_drain(worker->dispatcher);
    tq_hearsay_end(&worker->hearsay);
    (void)uv_timer_start(&worker->shutdown_timer, on_shutdown_timer,
                         (uint64_t)worker->options->shutdown_timeout_ms, 0); /* not null */
}

void tq_worker_on_signal(uv_signal_t *signal, int number)
{
    struct tq_worker *worker = signal->data;
    const char *name = number == SIGTERM ? "SIGTERM" : "SIGINT";

    if (worker->phase == TQ_WORKER_RUNNING) {
        tq_worker_drain(worker, name);
    } else if (worker->phase == TQ_WORKER_CLOSED) {
        worker->is_restarting = false; /* it was caught while everything was closed */
    } else if (worker->is_restarting) {
        worker->is_restarting = false;
        tq_log(TQ_LOG_INFO, "worker", "draining, not to start again", "why=%s", name);
    } else if (!worker->is_interrupting) {
        interrupt(worker, name);
        (void)uv_timer_start(&worker->shutdown_timer, on_shutdown_timer, STUCK_MS, 0);
    } else {
        tq_log(TQ_LOG_ERROR, "worker", "exiting at once", "why=%s", name);
        _exit(TQ_EXIT_TIMEOUT); /* the third signal: no thread can be waited for */
    }
}

static void on_signed_off(void *owner)
{
    close_all(owner);
}

void tq_worker_leave_when_quiet(struct tq_worker *worker)
{
    bool has_lost_claim =
        tq_claimer_needs_recovery(worker->claimer) != 0 && tq_lease_is_held(worker->lease);

    if (!tq_worker_is_quiet(worker) || tq_events_pending(worker->events) > 0 ||
        !tq_hearsay_is_idle(&worker->hearsay) || !tq_publisher_finish(worker->publisher) ||
        tq_claimer_is_busy(worker->claimer) || has_lost_claim)
        return;
    worker->phase = TQ_WORKER_LEAVING;
    if (tq_line_is_ready(&worker->control))
        tq_lease_sign_off(worker->lease, on_signed_off);
    else
        close_all(worker);
}

void tq_worker_log_totals(const struct tq_worker *worker)
{
    const struct tq_dispatcher_totals *totals = tq_dispatcher_totals(worker->dispatcher);
    int64_t settled = totals->completed + totals->failed + totals->retried;
    double seconds = (double)(totals->last_us - totals->first_us) / 1e6;

    tq_log(TQ_LOG_INFO, "worker", "stopped",
           "completed=%lld failed=%lld retried=%lld given_back=%lld lost=%lld seconds=%.2f "
           "tasks_a_second=%.0f",
           (long long)totals->completed, (long long)totals->failed, (long long)totals->retried,
           (long long)totals->given_back, (long long)totals->lost, settled > 0 ? seconds : 0.0,
           settled > 0 && seconds > 0 ? (double)settled / seconds : 0.0);
}

/* In this order: threads first, as they post to the inbox; connections next, as they fail what is
   under way, whose owners must still be there; then the owners and the handles. */
static void close_all(struct tq_worker *worker)
{
    worker->phase = TQ_WORKER_CLOSED;
    tq_watchdog_close(worker->watchdog);
    tq_pool_end(&worker->pool);
    tq_connection_close(worker->claim.connection);
    tq_connection_close(worker->completion.connection);
    tq_connection_close(worker->control.connection);
    if (worker->ear.connection != NULL)
        tq_connection_close(worker->ear.connection);
    tq_reloader_close(worker->reloader);
    tq_progress_close(worker->progress);
    tq_sweeper_close(worker->sweeper);
    tq_janitor_close(worker->janitor);
    tq_strangers_close(worker->strangers);
    tq_echo_close(worker->echo);
    tq_settler_close(worker->settler); /* drops what the reaper has given it */
    tq_reaper_close(worker->reaper);
    tq_lease_close(worker->lease);
    tq_claimer_close(worker->claimer);
    tq_publisher_close(worker->publisher);
    tq_inbox_close(&worker->inbox, NULL);
    uv_close((uv_handle_t *)&worker->shutdown_timer, NULL);
    uv_unref(
        (uv_handle_t *)&worker->sigterm); /* they are the last: see tq_worker_close_signals() */
    uv_unref((uv_handle_t *)&worker->sigint);
    uv_unref((uv_handle_t *)&worker->sighup);
    uv_close((uv_handle_t *)&worker->prepare, NULL);
}

/* What becomes of signals that libuv does not catch. Handlers are read again at the next start, if
   there is one, whether SIGHUP asks for it or not. */
static void set_late_signals(const struct tq_worker *worker, void (*action)(int))
{
    (void)signal(SIGTERM, action); /* fails for numbers that are none */
    (void)signal(SIGINT, action);
    (void)signal(SIGHUP, worker->options->is_watched ? action : SIG_IGN);
}

/* A signal is heard, or ends the process that is about to start again: it never falls between the
   two, and is not lost with the handles. */
static void hear_late_signals(struct tq_worker *worker)
{
    if (worker->is_restarting)
        set_late_signals(worker, SIG_DFL);
    /* Hears those that came meanwhile; a loop with nothing but unreferenced handles looks at none.
     */
    uv_ref((uv_handle_t *)&worker->sigterm);
    (void)uv_run(&worker->loop, UV_RUN_NOWAIT);
}

void tq_worker_close_signals(struct tq_worker *worker)
{
    sigset_t signals;

    hear_late_signals(worker);
    tq_signals_hold(&signals); /* closing takes the handlers away: a signal would end the process */
    uv_close((uv_handle_t *)&worker->sigterm, NULL);
    uv_close((uv_handle_t *)&worker->sigint, NULL);
    uv_close((uv_handle_t *)&worker->sighup, NULL);
    /* What comes now ends the process that is about to start again, or finds nothing to end and
       must not change the exit code. */
    set_late_signals(worker, worker->is_restarting ? SIG_DFL : SIG_IGN);
    tq_signals_release(&signals);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT); /* until they have closed */
}

void tq_worker_abandon(struct tq_worker *worker)
{
    if (worker->is_restarting)
        hear_late_signals(worker);
    if (!worker->is_restarting)
        _exit((int)worker->exit); /* exit() would wait: libuv joins the threads of its pool */
}
