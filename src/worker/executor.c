// SPDX-License-Identifier: MIT
//
// The executor thread: its loop, its state, its letters. What it does with tasks is in
// executor_run.c.
#include "worker/executor.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "database/client_pool.h"
#include "net/net.h"
#include "script/script.h"
#include "worker/executor_state.h"
#include "worker/generation.h"

enum { IDLE_CLIENT_MS = 60 * 1000 };

struct cancellation {
    struct tq_letter letter; /* first */
    int64_t id;
    int32_t claims;
};

struct adoption {
    struct tq_letter letter;          /* first */
    struct tq_generation *generation; /* referenced */
    struct tq_script *script;
};

/* The loop ends when its last handle has closed. */
static void quit(struct tq_executor *executor)
{
    uv_close((uv_handle_t *)&executor->idle, NULL);
    uv_close((uv_handle_t *)&executor->tick, NULL);
    tq_client_pool_close(executor->clients);
    tq_net_close(executor->net, NULL, NULL);
    tq_inbox_close(&executor->inbox, NULL);
}

static void take_cancellation(struct tq_executor *executor, const struct cancellation *cancellation)
{
    tq_executor_stop_one(executor, cancellation->id, cancellation->claims);
}

/* What has not started comes back to the main thread, which binds it to the new generation. */
static void take_adoption(struct tq_executor *executor, const struct adoption *adoption)
{
    tq_executor_return_unstarted(executor, INT64_MAX);
    tq_executor_load(executor, adoption->generation, adoption->script);
    tq_generation_unref(adoption->generation);
}

static void on_letter(void *owner, struct tq_letter *letter)
{
    struct tq_executor *executor = owner;
    struct tq_task *task = (struct tq_task *)letter; /* it is the first member */
    enum tq_letter_kind kind = (enum tq_letter_kind)letter->kind;

    if (kind == TQ_LETTER_TASK) {
        tq_executor_receive(executor, task);
        return;
    }
    if (kind == TQ_LETTER_HEARING) {
        tq_executor_hear(executor, task);
        return;
    }
    if (kind == TQ_LETTER_GIVE_BACK)
        tq_executor_return_unstarted(executor, INT64_MAX);
    else if (kind == TQ_LETTER_INTERRUPT)
        tq_executor_interrupt_all(executor);
    else if (kind == TQ_LETTER_CANCEL)
        take_cancellation(executor, (const struct cancellation *)letter); /* its first member */
    else if (kind == TQ_LETTER_ADOPT)
        take_adoption(executor, (const struct adoption *)letter); /* likewise */
    else if (kind == TQ_LETTER_HUSH)
        tq_executor_hush(executor);
    else
        quit(executor);
    free(letter);
}

static void on_drained(void *owner)
{
    struct tq_executor *executor = owner;

    if (!uv_is_closing((uv_handle_t *)&executor->idle))
        tq_executor_pump(executor);
}

void tq_executor_give(struct tq_executor *executor, struct tq_letters *letters)
{
    tq_inbox_post_all(&executor->inbox, letters);
}

void tq_executor_order(struct tq_executor *executor, enum tq_letter_kind order)
{
    struct tq_letter *letter = tq_zalloc(sizeof *letter);

    letter->kind = (int)order;
    tq_inbox_post(&executor->inbox, letter, letter);
}

void tq_executor_cancel(struct tq_executor *executor, int64_t id, int32_t claims)
{
    struct cancellation *cancellation = tq_zalloc(sizeof *cancellation);

    cancellation->letter.kind = TQ_LETTER_CANCEL;
    cancellation->id = id;
    cancellation->claims = claims;
    tq_inbox_post(&executor->inbox, &cancellation->letter, &cancellation->letter);
}

void tq_executor_adopt(struct tq_executor *executor, struct tq_generation *generation,
                       struct tq_script *script)
{
    struct adoption *adoption = tq_zalloc(sizeof *adoption);

    tq_generation_ref(generation);
    adoption->letter.kind = TQ_LETTER_ADOPT;
    adoption->generation = generation;
    adoption->script = script;
    tq_inbox_post(&executor->inbox, &adoption->letter, &adoption->letter);
}

/* ---- the thread ---- */

static bool open_loop(struct tq_executor *executor, struct tq_err *err)
{
    int code = uv_loop_init(&executor->loop);

    if (code != 0)
        return tq_err_set(err, TQ_ERR_SYSTEM, code, "cannot make a loop: %s", uv_strerror(code));
    (void)uv_idle_init(&executor->loop, &executor->idle); /* both always 0 */
    (void)uv_timer_init(&executor->loop, &executor->tick);
    executor->idle.data = executor->tick.data = executor;
    return true;
}

static struct tq_client_pool *make_clients(struct tq_executor *executor)
{
    const struct tq_client_pool_config config = {
        .session = {.conninfo = executor->config.conninfo,
                    .name = "taskq handler",
                    .kind = TQ_SESSION_HANDLER,
                    .lease_ms = executor->config.lease_ms,
                    .is_pooled = executor->config.is_pooled},
        .limit = executor->config.handler_connections,
        .idle_ms = IDLE_CLIENT_MS,
    };

    return tq_client_pool_new(&executor->loop, &config);
}

/* Makes everything in the order in which run_thread() tears it down again. */
static bool set_up(struct tq_executor *executor, struct tq_err *err)
{
    struct tq_script *script;

    tq_executor_init_lists(executor);
    if (!open_loop(executor, err))
        return false;
    if (!tq_inbox_open(&executor->inbox, &executor->loop, on_letter, on_drained, executor, err))
        goto close_loop;
    executor->net = tq_net_new(&executor->loop, err);
    if (executor->net == NULL)
        goto close_inbox;
    executor->clients = make_clients(executor);
    tq_host_init(executor);
    if (!tq_ticker_start(err))
        goto close_clients;
    if (!tq_generation_open(executor->first, &script, err))
        goto stop_ticker;
    tq_executor_load(executor, executor->first, script);
    return true;

stop_ticker:
    tq_ticker_stop();
close_clients:
    tq_client_pool_close(executor->clients);
    tq_net_close(executor->net, NULL, NULL);
close_inbox:
    tq_inbox_close(&executor->inbox, NULL);
close_loop:
    uv_close((uv_handle_t *)&executor->idle, NULL);
    uv_close((uv_handle_t *)&executor->tick, NULL);
    (void)uv_run(&executor->loop, UV_RUN_DEFAULT); /* until the handles have closed */
    (void)uv_loop_close(&executor->loop);          /* nothing is left on it */
    return false;
}

static void executor_free(struct tq_executor *executor)
{
    uv_sem_destroy(&executor->started);
    uv_mutex_destroy(&executor->lock);
    free(executor);
}

/* The other end of tq_executor_give_up(). Whoever sees the count fall may free what the config
   points to. */
static void end_lost_thread(struct tq_executor *executor)
{
    atomic_int *lost_threads = executor->config.lost_threads;

    tq_log(TQ_LOG_INFO, "executor", "a thread that was stuck came back, and ended", "");
    executor_free(executor);
    atomic_fetch_sub(lost_threads, 1);
}

static void run_thread(void *arg)
{
    struct tq_executor *executor = arg;

    executor->is_started = set_up(executor, &executor->start_err);
    bool is_started = executor->is_started;

    if (is_started)
        uv_mutex_lock(&executor->lock);
    uv_sem_post(&executor->started);
    if (!is_started)
        return;
    (void)uv_run(&executor->loop, UV_RUN_DEFAULT); /* until quit() has closed every handle */

    bool is_given_up = executor->is_given_up;

    uv_mutex_unlock(&executor->lock);
    tq_ticker_stop();
    tq_executor_unload_all(executor);
    if (uv_loop_close(&executor->loop) != 0)
        tq_log(TQ_LOG_ERROR, "executor", "a handle was left on the loop", "");
    if (is_given_up)
        end_lost_thread(executor);
}

void tq_executor_leave(struct tq_executor *executor)
{
    while (executor->orphans != NULL) {
        struct tq_task *task = executor->orphans;

        executor->orphans = task->link;
        tq_run_free(task->run);
        tq_host_end_transaction(task);
        tq_task_free(task);
    }
    quit(executor);
}

bool tq_executor_start(const struct tq_executor_config *config, struct tq_generation *generation,
                       struct tq_executor **executor, struct tq_err *err)
{
    struct tq_executor *made = tq_zalloc(sizeof *made);

    made->config = *config;
    made->first = generation;
    if (uv_sem_init(&made->started, 0) != 0 || uv_mutex_init(&made->lock) != 0 ||
        uv_thread_create(&made->thread, run_thread, made) != 0) {
        free(made);
        return tq_err_set(err, TQ_ERR_SYSTEM, 0, "cannot start an executor thread");
    }
    uv_sem_wait(&made->started);
    if (!made->is_started) {
        *err = made->start_err;
        tq_executor_join(made);
        return false;
    }
    *executor = made;
    return true;
}

void tq_executor_join(struct tq_executor *executor)
{
    (void)uv_thread_join(&executor->thread); /* fails only for a thread that is none */
    executor_free(executor);
}
