// SPDX-License-Identifier: MIT
//
// The supervisor: makes the parts of a worker, joins them, and takes them down again. Main thread.
//
//     RUNNING --SIGTERM, SIGINT, or empty--> DRAINING --nothing held--> LEAVING --> CLOSED
//        DRAINING: nothing is claimed, what has not started is given back, handlers are told
//        --second signal, or the shutdown timeout--> what runs is interrupted and given back
//        --third signal--> the process exits at once
//     LEAVING: the worker row is removed; then threads are joined, connections and handles closed.
//
// Everything that is due is done in on_prepare(), once a turn of the loop, before it sleeps:
// callbacks only change state. So a batch of events costs one look, one claim and one flush.
#include "worker/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "loop/minder.h"
#include "worker/signals.h"
#include "worker/state.h"

static const char *const claim_channels[] = {"taskq", NULL};
static const char *const control_channels[] = {"taskq_cancel", "taskq_created", "taskq_follow",
                                               NULL};
static const char *const all_channels[] = {"taskq", "taskq_cancel", "taskq_created", "taskq_follow",
                                           NULL};

enum { MAX_LEASE_MS = 20000 };

/* ---- what the parts tell ---- */

static int on_capacity(void *owner)
{
    struct tq_worker *worker = owner;

    return tq_dispatcher_capacity(worker->dispatcher);
}

static void on_take(void *owner, const struct tq_claimed *const *rows, size_t count,
                    int64_t worker_id)
{
    struct tq_worker *worker = owner;

    if (worker_id == worker->lost_id)
        return; /* claimed under a lease that ran out meanwhile: the reapers have them */
    tq_dispatcher_take(worker->dispatcher, rows, count, worker_id);
}

static bool on_ask_quiet(void *owner)
{
    struct tq_worker *worker = owner;

    return tq_worker_is_quiet(worker);
}

static void on_remaining(void *owner, bool is_any_left)
{
    struct tq_worker *worker = owner;

    if (!is_any_left && worker->phase == TQ_WORKER_RUNNING && tq_worker_is_quiet(worker))
        tq_worker_drain(worker,
                        worker->options->is_until_empty ? "nothing is left" : "nothing is due");
}

static void on_lease_held(void *owner, int64_t worker_id)
{
    struct tq_worker *worker = owner;

    tq_log(TQ_LOG_INFO, "worker", "registered", "worker=%s id=%lld lease_ms=%lld", worker->name,
           (long long)worker_id, (long long)worker->lease_ms);
    (void)snprintf(worker->id_text, sizeof worker->id_text, "%lld", (long long)worker_id);
    if (worker->phase == TQ_WORKER_RUNNING)
        tq_claimer_resume(worker->claimer, worker_id);
    tq_herald_register(&worker->herald, worker_id);
    tq_hearsay_promise(&worker->hearsay);
    tq_reaper_look(worker->reaper);
    tq_janitor_begin(worker->janitor);
}

static void on_lease_lost(void *owner)
{
    struct tq_worker *worker = owner;

    worker->lost_id = tq_claimer_worker_id(worker->claimer);
    tq_claimer_pause(worker->claimer);
    tq_dispatcher_fence(worker->dispatcher);
}

static void on_server_changed(void *owner)
{
    struct tq_worker *worker = owner;

    tq_claimer_pause(worker->claimer);
    tq_claimer_forget(worker->claimer);
}

/* At each renewal; the moment, too, for requests whose notification was lost. */
static void on_others(void *owner, bool has_others)
{
    struct tq_worker *worker = owner;

    tq_canceller_look(&worker->canceller);
    tq_herald_catch_up(&worker->herald);
    tq_hearsay_promise(&worker->hearsay);
    tq_claimer_set_others(worker->claimer, has_others);
}

/* Threads that are stuck cannot be ended. What else runs may finish, then the process starts again.
 */
static void on_too_many_stuck(void *owner)
{
    struct tq_worker *worker = owner;

    if (worker->phase != TQ_WORKER_RUNNING)
        return;
    worker->is_restarting = true;
    tq_worker_drain(worker, "too many threads are stuck; the process starts again");
}

static void on_letter(void *owner, struct tq_letter *letter)
{
    struct tq_worker *worker = owner;

    if (letter->kind == TQ_LETTER_PROGRESS)
        tq_progress_take(worker->progress, letter);
    else
        tq_dispatcher_take_back(worker->dispatcher,
                                (struct tq_task *)letter); /* its first member */
}

static void on_control_ready(void *owner)
{
    struct tq_worker *worker = owner;

    tq_lease_connected(worker->lease);
}

/* Notifications during an outage are lost. */
static void on_claim_ready(void *owner)
{
    struct tq_worker *worker = owner;

    tq_echo_forget(worker->echo);
    tq_claimer_wake(worker->claimer);
}

/* From a producer, a worker that has just registered, or another worker's doorbell. */
static void on_doorbell(struct tq_worker *worker, const char *payload)
{
    if (tq_echo_hear(worker->echo, payload) || strcmp(payload, worker->id_text) == 0)
        return; /* our own doorbell is for the others */
    if (*payload != '\0')
        tq_claimer_set_others(worker->claimer, true);
    tq_claimer_wake(worker->claimer);
}

/* On whichever line listens to the channel. */
static void on_notify(void *owner, const char *channel, const char *payload)
{
    struct tq_worker *worker = owner;

    if (strcmp(channel, "taskq") == 0)
        on_doorbell(worker, payload);
    else if (strcmp(channel, "taskq_created") == 0)
        tq_hearsay_take_created(&worker->hearsay, payload);
    else if (strcmp(channel, "taskq_follow") == 0)
        tq_publisher_follow(worker->publisher, TQ_FOLLOWED_MS);
    else
        tq_canceller_look(&worker->canceller); /* which tasks is asked of the table */
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct tq_worker *worker = prepare->data;
    bool is_held = tq_lease_is_held(worker->lease);

    tq_dispatcher_begin_turn(worker->dispatcher, tq_clock_us());
    if (worker->phase <= TQ_WORKER_DRAINING)
        tq_worker_recover(worker);
    if (is_held && worker->phase == TQ_WORKER_RUNNING)
        tq_claimer_tick(worker->claimer);
    tq_watchdog_mind(worker->watchdog);
    tq_settler_flush(worker->settler);
    tq_events_flush(worker->events);
    if (worker->phase == TQ_WORKER_DRAINING)
        tq_worker_leave_when_quiet(worker);
}

/* ---- setting up ---- */

static void init_handles(struct tq_worker *worker)
{
    (void)uv_prepare_init(&worker->loop, &worker->prepare); /* these all return 0 */
    (void)uv_timer_init(&worker->loop, &worker->shutdown_timer);
    worker->prepare.data = worker->shutdown_timer.data = worker;
}

static bool start_signal(struct tq_worker *worker, uv_signal_t *handle, int number,
                         uv_signal_cb on_signal, struct tq_err *err)
{
    int code = uv_signal_init(&worker->loop, handle);

    handle->data = worker;
    if (code == 0)
        code = uv_signal_start(handle, on_signal, number);
    return code == 0 ||
           tq_err_set(err, TQ_ERR_SYSTEM, code, "cannot watch for signals: %s", uv_strerror(code));
}

/* A connection is a file, and thousands of handlers may have one each. Returns the limit as it was:
   programs that we start count on it. */
static rlim_t raise_file_limit(void)
{
    struct rlimit limit;
    rlim_t before;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? before : 0;
}

static bool start_executors(struct tq_worker *worker, struct tq_err *err)
{
    const struct tq_worker_options *options = worker->options;
    const struct tq_pool_config config = {
        .executor = {.main_inbox = &worker->inbox,
                     .worker_name = worker->name,
                     .task_timeout_ms = options->task_timeout_ms,
                     .minder = worker->minder,
                     .files_of_children = raise_file_limit(),
                     .is_followed = &worker->is_followed,
                     .is_draining = &worker->is_draining,
                     .conninfo = options->conninfo,
                     .is_pooled = options->is_pooled,
                     .handler_connections = (int)options->handler_connections,
                     .lease_ms = worker->lease_ms,
                     .lost_threads = &worker->lost_threads},
        .generation = worker->generation,
        .threads = options->threads,
        .concurrency = options->concurrency,
    };

    return tq_pool_start(&worker->pool, &config, err);
}

static void open_line(struct tq_worker *worker, struct tq_line *line, const char *name,
                      enum tq_session_kind kind, const char *const *channels)
{
    bool is_pooled = worker->options->is_pooled;
    const struct tq_session_config session = {
        .conninfo = worker->options->conninfo,
        .name = name,
        .kind = kind,
        .lease_ms = worker->lease_ms,
        .is_pooled = is_pooled,
    };
    line->owner = worker;
    line->locate = worker->options->locate;
    line->locator = worker->options->locator;
    tq_line_open(line, &worker->loop, &session, is_pooled ? NULL : channels);
}

/* What cannot be heard through the pooler is heard beside it. */
static void open_ear(struct tq_worker *worker)
{
    const struct tq_session_config session = {
        .conninfo = worker->options->listen_conninfo,
        .name = "taskq listen",
        .kind = TQ_SESSION_COMMAND,
        .lease_ms = worker->lease_ms,
    };

    worker->ear.owner = worker;
    worker->ear.on_notify = on_notify;
    worker->ear.on_ready = on_claim_ready;
    tq_line_open(&worker->ear, &worker->loop, &session, all_channels);
}

static void make_claiming_parts(struct tq_worker *worker)
{
    const struct tq_worker_options *options = worker->options;

    worker->claim.on_notify = on_notify;
    worker->control.on_notify = on_notify;
    worker->claim.on_ready = on_claim_ready;
    worker->control.on_ready = on_control_ready;
    open_line(worker, &worker->claim, "taskq claim", TQ_SESSION_CLAIM, claim_channels);
    open_line(worker, &worker->completion, "taskq completion", TQ_SESSION_COMPLETION, NULL);
    open_line(worker, &worker->control, "taskq control", TQ_SESSION_CONTROL, control_channels);
    if (options->is_pooled && options->listen_conninfo != NULL)
        open_ear(worker);
    worker->settler = tq_settler_new(&worker->loop, worker->completion.connection);
    worker->claimer = tq_claimer_new(&(struct tq_claimer_config){
        .loop = &worker->loop,
        .connection = worker->claim.connection,
        .doorbell = worker->control.connection,
        .generation = &worker->generation,
        .poll_interval_ms = options->poll_interval_ms,
        .owner = worker,
        .capacity = on_capacity,
        .take = on_take,
        .asks_remaining = options->is_until_empty || options->is_until_idle,
        .counts_future = options->is_until_empty,
        .is_quiet = on_ask_quiet,
        .on_remaining = on_remaining,
    });
    worker->publisher = tq_publisher_new(&(struct tq_publisher_config){
        .loop = &worker->loop,
        .connection = worker->control.connection,
        .worker_name = worker->name,
        .is_followed = &worker->is_followed,
    });
    worker->events = tq_events_new(&(struct tq_events_config){
        .generation = &worker->generation,
        .publisher = worker->publisher,
        .executors = worker->pool.executors,
        .executor_count = worker->pool.count,
    });
    worker->dispatcher = tq_dispatcher_new(&(struct tq_dispatcher_config){
        .settler = worker->settler,
        .generation = &worker->generation,
        .claimer = worker->claimer,
        .events = worker->events,
        .executors = worker->pool.executors,
        .slots = worker->pool.slots,
        .executor_count = worker->pool.count,
        .is_watched = options->is_watched,
    });
}

static void make_keeping_parts(struct tq_worker *worker)
{
    const struct tq_worker_options *options = worker->options;

    worker->canceller = (struct tq_canceller){
        .dispatcher = worker->dispatcher,
        .request.connection = worker->control.connection,
    };
    worker->hearsay.promise.connection = worker->control.connection;
    worker->hearsay.reading.connection = worker->control.connection;
    worker->hearsay.generation = &worker->generation;
    worker->hearsay.events = worker->events;
    worker->reaper = tq_reaper_new(&(struct tq_reaper_config){
        .loop = &worker->loop,
        .connection = worker->control.connection,
        .settler = worker->settler,
        .generation = &worker->generation,
        .check_interval_ms = options->stale_check_interval_ms,
        .dispatcher = worker->dispatcher,
        .claimer = worker->claimer,
        .hearsay = &worker->hearsay,
    });
    worker->lease = tq_lease_new(&(struct tq_lease_config){
        .loop = &worker->loop,
        .connection = worker->control.connection,
        .registration = {.name = worker->name,
                         .host = worker->host,
                         .version = TASKQ_VERSION,
                         .pid = (int)getpid(),
                         .lease_ms = worker->lease_ms},
        .generation = &worker->generation,
        .owner = worker,
        .on_held = on_lease_held,
        .on_lost = on_lease_lost,
        .on_server_changed = on_server_changed,
        .on_others = on_others,
        .reaper = worker->reaper,
        .publisher = worker->publisher,
    });
    worker->progress = tq_progress_new(&worker->loop, worker->control.connection);
    worker->sweeper = tq_sweeper_new(&(struct tq_sweeper_config){
        .loop = &worker->loop,
        .connection = worker->control.connection,
        .claimer = worker->claimer,
        .interval_ms = options->poll_interval_ms,
    });
    worker->echo = tq_echo_new(&(struct tq_echo_config){
        .loop = &worker->loop,
        .listener = options->is_pooled ? worker->ear.connection : worker->claim.connection,
        .caller = worker->control.connection,
        .claimer = worker->claimer,
        .lease_ms = worker->lease_ms,
    });
    worker->strangers = tq_strangers_new(&(struct tq_strangers_config){
        .loop = &worker->loop,
        .connection = worker->control.connection,
        .interval_ms = options->stale_check_interval_ms,
    });
    worker->watchdog = tq_watchdog_new(&(struct tq_watchdog_config){
        .loop = &worker->loop,
        .pool = &worker->pool,
        .generation = &worker->generation,
        .dispatcher = worker->dispatcher,
        .events = worker->events,
        .connection = worker->control.connection,
        .stuck_after_ms = options->stuck_after_ms,
        .owner = worker,
        .on_too_many = on_too_many_stuck,
    });
    worker->janitor = tq_janitor_new(&(struct tq_janitor_config){
        .loop = &worker->loop,
        .connection = worker->control.connection,
        .retention = options->retention,
        .interval_ms = options->cleanup_interval_ms,
        .lease_ms = worker->lease_ms,
    });
}

static void name_worker(struct tq_worker *worker)
{
    const struct tq_worker_options *options = worker->options;
    size_t size = sizeof worker->host;

    if (uv_os_gethostname(worker->host, &size) != 0)
        (void)strcpy(worker->host, "unknown");
    if (options->name != NULL)
        (void)snprintf(worker->name, sizeof worker->name, "%s", options->name);
    else
        (void)snprintf(worker->name, sizeof worker->name, "%s:%d", worker->host, (int)getpid());
    worker->claim.lock_key = (int64_t)tq_random();
}

/* A person who is just writing them gets a worker all the same: it loads them when they are right,
   and its reloader says what is wrong. */
static bool load_handlers(struct tq_worker *worker, struct tq_err *err)
{
    const struct tq_worker_options *options = worker->options;

    return tq_generation_load(options->handlers, &options->task_types, &options->c_modules,
                              &worker->generation, err) ||
           (options->is_watched &&
            tq_generation_new_empty(&options->c_modules, &worker->generation, err));
}

/* Everything that can fail, before the first connection is opened. */
static bool set_up(struct tq_worker *worker, struct tq_err *err)
{
    int code;

    if (!load_handlers(worker, err))
        return false;
    code = uv_loop_init(&worker->loop);
    if (code != 0)
        return tq_err_set(err, TQ_ERR_SYSTEM, code, "cannot make a loop: %s", uv_strerror(code));
    init_handles(worker);
    if (!tq_inbox_open(&worker->inbox, &worker->loop, on_letter, NULL, worker, err))
        return false;
    return start_signal(worker, &worker->sigterm, SIGTERM, tq_worker_on_signal, err) &&
           start_signal(worker, &worker->sigint, SIGINT, tq_worker_on_signal, err) &&
           start_signal(worker, &worker->sighup, SIGHUP, tq_worker_on_hangup, err) &&
           start_executors(worker, err);
}

static void tear_down(struct tq_worker *worker)
{
    if (worker->dispatcher != NULL)
        tq_dispatcher_free(worker->dispatcher);
    tq_herald_deinit(&worker->herald);
    if (worker->generation != NULL)
        tq_generation_unref(worker->generation);
    if (worker->events != NULL)
        tq_events_free(worker->events);
    if (atomic_load(&worker->lost_threads) == 0) /* else they look into it */
        tq_minder_free(worker->minder);
}

enum tq_exit tq_worker_run(const struct tq_worker_options *options)
{
    struct tq_worker *worker = tq_zalloc(sizeof *worker);
    struct tq_err err;
    sigset_t signals;

    worker->options = options;
    worker->lease_ms =
        options->lock_duration_ms < MAX_LEASE_MS ? options->lock_duration_ms : MAX_LEASE_MS;
    worker->minder = tq_minder_new();
    name_worker(worker);
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that hangs up is an error of its write */
    if (!set_up(worker, &err)) {
        tq_log(TQ_LOG_ERROR, "worker", "cannot start", "error=%s", err.message);
        tear_down(worker);
        free(worker);
        return tq_err_exit_code(&err);
    }
    tq_signals_hold(&signals);
    make_claiming_parts(worker); /* the first line has libuv start its threads */
    tq_signals_release(&signals);
    make_keeping_parts(worker);
    tq_worker_watch_handlers(worker);
    tq_dispatcher_begin_turn(worker->dispatcher, tq_clock_us());
    (void)uv_prepare_start(&worker->prepare, on_prepare); /* not null */
    tq_log(TQ_LOG_INFO, "worker", "started",
           "version=%s database=%s handlers=%s types=%zu concurrency=%lld threads=%d",
           TASKQ_VERSION, options->database_text, options->handlers, worker->generation->type_count,
           (long long)options->concurrency, worker->pool.count);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT); /* until close_all(), or abandoned */
    tq_worker_log_totals(worker);

    if (worker->is_abandoned) {
        tq_worker_abandon(worker);
        return TQ_EXIT_STUCK; /* nothing is freed: threads may still run */
    }
    tq_worker_close_signals(worker);

    enum tq_exit code = worker->is_restarting ? TQ_EXIT_STUCK : worker->exit;

    if (uv_loop_close(&worker->loop) != 0)
        tq_log(TQ_LOG_ERROR, "worker", "a handle was left on the loop", "");
    tear_down(worker);
    if (atomic_load(&worker->lost_threads) == 0) /* else they look into it: the process ends */
        free(worker);
    return code;
}
