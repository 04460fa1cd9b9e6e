// SPDX-License-Identifier: MIT
//
// A reload, as the worker sees it: its parts go over to the new generation, all at once. Main
// thread.
#include "base/log.h"
#include "binding/host.h"
#include "worker/state.h"

/* Letters arrive in order: what is given to an executor from now on finds the new generation there.
 */
static void on_loaded(void *owner, struct tq_generation *generation, struct tq_script **scripts)
{
    struct tq_worker *worker = owner;
    struct tq_generation *before = worker->generation;

    worker->generation = generation;
    for (int i = 0; i < worker->pool.count; i++)
        tq_executor_adopt(worker->pool.executors[i], generation, scripts[i]);
    tq_claimer_reloaded(worker->claimer);
    tq_herald_announce(&worker->herald);
    tq_hearsay_promise(&worker->hearsay);
    tq_generation_unref(before);
}

static void on_error(void *owner, const char *message)
{
    struct tq_worker *worker = owner;

    tq_herald_set_error(&worker->herald, message);
}

/* All else has ended. */
static void on_stuck(void *owner)
{
    struct tq_worker *worker = owner;

    tq_log(TQ_LOG_WARN, "worker", "leaving while the top level of a file is in a call into C", "");
    worker->is_abandoned = true;
    uv_stop(&worker->loop);
}

void tq_worker_watch_handlers(struct tq_worker *worker)
{
    const struct tq_worker_options *options = worker->options;

    worker->herald = (struct tq_herald){
        .request.connection = worker->control.connection,
        .generation = &worker->generation,
    };
    worker->reloader = tq_reloader_new(&(struct tq_reloader_config){
        .loop = &worker->loop,
        .folder = options->handlers,
        .wanted = &options->task_types,
        .generation = &worker->generation,
        .script_count = worker->pool.count,
        .is_watching = !options->is_reload_off,
        .shows_source = options->is_watched,
        .owner = worker,
        .on_loaded = on_loaded,
        .on_error = on_error,
        .on_stuck = on_stuck,
    });
}

void tq_worker_on_hangup(uv_signal_t *signal, int number)
{
    struct tq_worker *worker = signal->data;

    if (worker->options->is_watched)
        tq_worker_on_signal(signal, number); /* the terminal is gone */
    else if (worker->phase != TQ_WORKER_CLOSED)
        tq_reloader_ask(worker->reloader);
}
