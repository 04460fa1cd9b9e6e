// SPDX-License-Identifier: MIT
//
// The inside of a worker: its parts and where it is in its life. For worker.c, which makes and
// joins the parts, and ending.c, which takes them down. Main thread, but for what is marked.
#ifndef TQ_WORKER_STATE_H
#define TQ_WORKER_STATE_H

#include <stdatomic.h>

#include <uv.h>

#include "worker/canceller.h"
#include "worker/claimer.h"
#include "worker/dispatcher.h"
#include "worker/echo.h"
#include "worker/events.h"
#include "worker/generation.h"
#include "worker/hearsay.h"
#include "worker/herald.h"
#include "worker/janitor.h"
#include "worker/lease.h"
#include "worker/line.h"
#include "worker/pool.h"
#include "worker/progress.h"
#include "worker/publisher.h"
#include "worker/reaper.h"
#include "worker/strangers.h"
#include "worker/reloader.h"
#include "worker/sweeper.h"
#include "worker/watchdog.h"
#include "worker/worker.h"

enum tq_worker_phase { TQ_WORKER_RUNNING, TQ_WORKER_DRAINING, TQ_WORKER_LEAVING, TQ_WORKER_CLOSED };

struct tq_worker {
    const struct tq_worker_options *options;
    char name[128], host[64];
    char id_text[24]; /* of the current lease */
    int64_t lease_ms;

    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_signal_t sigterm, sigint, sighup;
    uv_timer_t shutdown_timer;
    struct tq_inbox inbox;

    struct tq_generation *generation; /* the current one */

    struct tq_minder *minder;
    struct tq_pool pool;

    struct tq_line claim, completion, control;
    struct tq_line ear; /* pooled, and only if it may listen elsewhere */
    struct tq_settler *settler;
    struct tq_claimer *claimer;
    struct tq_publisher *publisher;
    struct tq_events *events;
    struct tq_dispatcher *dispatcher;
    struct tq_lease *lease;
    struct tq_reaper *reaper;
    struct tq_progress *progress;
    struct tq_sweeper *sweeper;
    struct tq_janitor *janitor;
    struct tq_strangers *strangers;
    struct tq_echo *echo;
    struct tq_canceller canceller;
    struct tq_watchdog *watchdog;
    struct tq_reloader *reloader;
    struct tq_herald herald;
    struct tq_hearsay hearsay;

    enum tq_worker_phase phase;
    atomic_bool is_followed; /* [atomic] somebody wants to know what starts */
    atomic_bool is_draining; /* [atomic] nothing starts; handlers are told */
    atomic_int lost_threads; /* [atomic] given up, and still there */
    bool is_interrupting, is_hushing, is_giving_up, is_abandoned;
    bool is_restarting;      /* it ends because too many threads are stuck */
    int64_t lost_id;         /* the worker id of the last lease that was lost */
    int64_t looked_again_us; /* see recovery.c */
    size_t looks;
    enum tq_exit exit;
};

/* reload.c */

/* After all other parts were made. */
void tq_worker_watch_handlers(struct tq_worker *worker);
void tq_worker_on_hangup(uv_signal_t *signal, int number);

/* recovery.c */

/* Once a turn of the loop: what a claim whose answer was lost has taken is given back, and worker
   ids under which nothing is held any more are forgotten. */
void tq_worker_recover(struct tq_worker *worker);

/* ending.c */

/* Nothing more is claimed; the worker leaves when nothing is held. */
void tq_worker_drain(struct tq_worker *worker, const char *why);
void tq_worker_on_signal(uv_signal_t *signal, int number);
bool tq_worker_is_quiet(
    const struct tq_worker *worker); /* nothing is held, nothing to be written */
void tq_worker_leave_when_quiet(struct tq_worker *worker);
/* After the loop has ended: a signal that came while the parts were closed is heard, and keeps the
   process from starting again. */
void tq_worker_close_signals(struct tq_worker *worker);
/* After the loop was stopped with something left that cannot be waited for: ends the process, or
   returns for it to start again. */
void tq_worker_abandon(struct tq_worker *worker);
void tq_worker_log_totals(const struct tq_worker *worker);

#endif
