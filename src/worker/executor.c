// SPDX-License-Identifier: MIT
//
// The executor thread.
//
//     inbox -> ready -> (a slot is free) started -> runnable <-> waiting -> finished -> outbox ->
//     main
//
// The loop sleeps in its poll phase; whatever makes a task runnable starts the idle handle, whose
// callback runs slices until nothing can run or its time is up, so that I/O is never starved.
#include "worker/executor.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "binding/host.h"
#include "net/net.h"
#include "script/script.h"
#include "worker/executor_host.h"

enum {
    PUMP_US = 10000,             /* slices between two looks at I/O */
    BURST_US = 2000,             /* what waits has the thread so long before what computes */
    OUTBOX_BATCH = 128,          /* finished tasks between two posts */
    TICK_MS = 20,                /* how late a deadline of a waiting task may be seen */
    UNSTARTED_AFTER_US = 100000, /* then a task goes back to the main thread */
    GRACE_US = 1000000,          /* from the catchable timeout to the end */
};

static void on_idle(uv_idle_t *idle);
static void on_tick(uv_timer_t *tick);

/* ---- lists ---- */

static void append(struct tq_task ***last, struct tq_task *task)
{
    task->link = NULL;
    **last = task;
    *last = &task->link;
}

static struct tq_task *take(struct tq_task **first, struct tq_task ***last)
{
    struct tq_task *task = *first;

    *first = task->link;
    if (*first == NULL)
        *last = first;
    return task;
}

static void add_waiting(struct tq_executor *executor, struct tq_task *task)
{
    task->is_waiting = true;
    task->waiting_previous = NULL;
    task->waiting_next = executor->waiting;
    if (executor->waiting != NULL)
        executor->waiting->waiting_previous = task;
    executor->waiting = task;
}

static void remove_waiting(struct tq_executor *executor, struct tq_task *task)
{
    task->is_waiting = false;
    if (task->waiting_previous != NULL)
        task->waiting_previous->waiting_next = task->waiting_next;
    else
        executor->waiting = task->waiting_next;
    if (task->waiting_next != NULL)
        task->waiting_next->waiting_previous = task->waiting_previous;
}

/* ---- giving tasks back ---- */

static void post_outbox(struct tq_executor *executor)
{
    if (executor->outbox == NULL)
        return;

    struct tq_letter *last =
        (struct tq_letter *)((char *)executor->outbox_last - offsetof(struct tq_letter, next));

    tq_inbox_post(executor->config.main_inbox, executor->outbox, last);
    executor->outbox = NULL;
    executor->outbox_last = &executor->outbox;
    executor->outbox_count = 0;
}

static void return_task(struct tq_executor *executor, struct tq_task *task)
{
    task->letter.kind = TQ_LETTER_TASK;
    task->letter.next = NULL;
    *executor->outbox_last = &task->letter;
    executor->outbox_last = &task->letter.next;
    if (++executor->outbox_count >= OUTBOX_BATCH)
        post_outbox(executor);
}

static void return_unstarted(struct tq_executor *executor, int64_t received_before_us)
{
    while (executor->ready != NULL && executor->ready->received_us < received_before_us) {
        struct tq_task *task = take(&executor->ready, &executor->ready_last);

        task->is_unstarted = true;
        return_task(executor, task);
    }
}

static char *copy_text(const char *text)
{
    return text != NULL ? tq_strdup(text) : NULL;
}

static void finish(struct tq_executor *executor, struct tq_task *task)
{
    const struct tq_outcome *outcome = tq_run_outcome(task->run);

    task->outcome = outcome->kind;
    task->stop = outcome->stop;
    task->is_discarded = outcome->is_discarded;
    task->delay_ms = outcome->delay_ms;
    if (outcome->result != NULL) {
        task->result = tq_memdup(outcome->result, outcome->result_len);
        task->settlement.settled.result_len = outcome->result_len;
    }
    task->error = copy_text(outcome->error);
    task->traceback = copy_text(outcome->traceback);
    task->error_kind = copy_text(outcome->error_kind);
    tq_run_free(task->run);
    task->run = NULL;
    executor->running--;
    return_task(executor, task);
}

/* ---- running ---- */

static void start(struct tq_executor *executor, struct tq_task *task)
{
    const struct tq_handler *handler = tq_script_handler(executor->script, task->handler_index);
    int64_t timeout_ms =
        handler->timeout_ms > 0 ? handler->timeout_ms : executor->config.task_timeout_ms;

    task->soft_deadline_us = executor->now_us + timeout_ms * 1000;
    task->hard_deadline_us = task->soft_deadline_us + GRACE_US;

    struct tq_run_task seen = {
        .id = task->settlement.settled.id,
        .type = handler->type,
        .payload = task->payload,
        .payload_len = task->payload_len,
        .priority = task->priority,
        .attempt = task->attempts,
        .max_attempts = task->max_attempts,
        .created_at_us = task->created_at_us,
        .scheduled_at_us = task->scheduled_at_us,
        .worker_id = executor->config.worker_name,
        .soft_deadline_us = task->soft_deadline_us,
        .hard_deadline_us = task->hard_deadline_us,
    };

    task->run = tq_run_start(executor->script, handler, &seen, task);
    executor->running++;
}

static void start_tick(struct tq_executor *executor)
{
    if (!uv_is_active((uv_handle_t *)&executor->tick))
        (void)uv_timer_start(&executor->tick, on_tick, TICK_MS, TICK_MS); /* not null */
}

static void resume(struct tq_executor *executor, struct tq_task *task)
{
    executor->current = task;
    enum tq_run_state state = tq_run_resume(task->run);

    executor->current = NULL;
    executor->now_us = tq_clock_us();
    if (state == TQ_RUN_PREEMPTED && executor->now_us >= task->hard_deadline_us) {
        tq_run_stop(task->run, TQ_STOP_TIMEOUT);
        state = TQ_RUN_DONE;
    }
    switch (state) {
    case TQ_RUN_WAITING:
        add_waiting(executor, task);
        start_tick(executor);
        return;
    case TQ_RUN_PREEMPTED:
        append(&executor->preempted_last, task);
        return;
    case TQ_RUN_DONE:
        finish(executor, task);
        return;
    }
}

static bool can_start(const struct tq_executor *executor)
{
    return executor->ready != NULL && executor->running < executor->config.slots;
}

static bool has_runnable(const struct tq_executor *executor)
{
    return executor->runnable != NULL || executor->preempted != NULL;
}

/* Resumes what is awake, or starts what is ready; false when there is neither. */
static bool run_next(struct tq_executor *executor)
{
    struct tq_task *task;

    if (executor->runnable != NULL) {
        task = take(&executor->runnable, &executor->runnable_last);
    } else if (can_start(executor)) {
        task = take(&executor->ready, &executor->ready_last);
        start(executor, task);
    } else {
        return false;
    }
    resume(executor, task);
    return true;
}

/* Runs slices: bursts of short ones, and one of what computes in between. The idle handle stays
   active while there is more to run. */
static void pump(struct tq_executor *executor)
{
    executor->now_us = tq_clock_us();

    int64_t until_us = executor->now_us + PUMP_US;

    do {
        int64_t burst_until_us = executor->now_us + BURST_US;

        while (executor->now_us < burst_until_us && run_next(executor))
            continue;
        if (executor->preempted != NULL)
            resume(executor, take(&executor->preempted, &executor->preempted_last));
    } while (executor->now_us < until_us && (has_runnable(executor) || can_start(executor)));
    post_outbox(executor);

    if (has_runnable(executor) || can_start(executor))
        (void)uv_idle_start(&executor->idle, on_idle); /* not null */
    else
        (void)uv_idle_stop(&executor->idle); /* always 0 */
    if (executor->ready != NULL)
        start_tick(executor);
}

static void on_idle(uv_idle_t *idle)
{
    pump(idle->data);
}

void tq_executor_wake(struct tq_executor *executor, struct tq_task *task)
{
    if (!task->is_waiting)
        return; /* it was interrupted and runs again anyway */
    remove_waiting(executor, task);
    append(&executor->runnable_last, task);
    (void)uv_idle_start(&executor->idle, on_idle); /* not null */
}

/* Deadlines of what waits. What runs finds its own in its hook. */
static void on_tick(uv_timer_t *tick)
{
    struct tq_executor *executor = tick->data;
    struct tq_task *task = executor->waiting, *next;
    int64_t now_us = executor->now_us = tq_clock_us();

    for (; task != NULL; task = next) {
        next = task->waiting_next;
        if (now_us >= task->hard_deadline_us) {
            remove_waiting(executor, task);
            tq_run_stop(task->run, TQ_STOP_TIMEOUT);
            finish(executor, task);
        } else if (now_us >= task->soft_deadline_us && !task->is_interrupted) {
            task->is_interrupted = true;
            tq_run_interrupt(task->run, TQ_STOP_TIMEOUT);
            tq_executor_wake(executor, task);
        }
    }
    return_unstarted(executor, now_us - UNSTARTED_AFTER_US);
    if (executor->waiting == NULL && executor->ready == NULL)
        (void)uv_timer_stop(&executor->tick); /* always 0 */
    pump(executor);
}

/* ---- orders ---- */

static void interrupt_all(struct tq_executor *executor)
{
    return_unstarted(executor, INT64_MAX);
    while (executor->waiting != NULL) {
        struct tq_task *task = executor->waiting;

        remove_waiting(executor, task);
        append(&executor->runnable_last, task);
    }
    while (has_runnable(executor)) {
        struct tq_task *task = executor->runnable != NULL
                                   ? take(&executor->runnable, &executor->runnable_last)
                                   : take(&executor->preempted, &executor->preempted_last);

        tq_run_stop(task->run, TQ_STOP_INTERRUPTED);
        finish(executor, task);
    }
}

struct cancellation {
    struct tq_letter letter; /* first */
    int64_t id;
    int32_t claims;
};

static bool is_meant(const struct cancellation *cancellation, const struct tq_task *task)
{
    return task->settlement.settled.id == cancellation->id &&
           task->settlement.settled.claims == cancellation->claims;
}

/* Takes the task that is meant out of a list, or NULL. */
static struct tq_task *take_meant(const struct cancellation *cancellation, struct tq_task **first,
                                  struct tq_task ***last)
{
    struct tq_task **at = first;

    while (*at != NULL && !is_meant(cancellation, *at))
        at = &(*at)->link;

    struct tq_task *task = *at;

    if (task == NULL)
        return NULL;
    *at = task->link;
    if (*at == NULL)
        *last = at;
    return task;
}

static void cancel(struct tq_executor *executor, const struct cancellation *cancellation)
{
    struct tq_task *task = executor->waiting;

    while (task != NULL && !is_meant(cancellation, task))
        task = task->waiting_next;
    if (task != NULL)
        remove_waiting(executor, task);
    if (task == NULL)
        task = take_meant(cancellation, &executor->runnable, &executor->runnable_last);
    if (task == NULL)
        task = take_meant(cancellation, &executor->preempted, &executor->preempted_last);
    if (task != NULL) {
        tq_run_stop(task->run, TQ_STOP_CANCELLED);
        finish(executor, task);
        return;
    }
    task = take_meant(cancellation, &executor->ready, &executor->ready_last);
    if (task == NULL)
        return; /* it is on its way back: it ended first */
    task->outcome = TQ_OUTCOME_STOPPED;
    task->stop = TQ_STOP_CANCELLED;
    task->error_kind = tq_strdup("cancelled");
    task->error = tq_strdup("cancelled before the handler started");
    return_task(executor, task);
}

static void on_inbox_closed(void *owner)
{
    (void)owner; /* the loop ends when its last handle has closed */
}

static void on_net_closed(void *owner)
{
    (void)owner; /* likewise */
}

static void quit(struct tq_executor *executor)
{
    uv_close((uv_handle_t *)&executor->idle, NULL);
    uv_close((uv_handle_t *)&executor->tick, NULL);
    tq_net_close(executor->net, on_net_closed, executor);
    tq_inbox_close(&executor->inbox, on_inbox_closed);
}

static void on_letter(void *owner, struct tq_letter *letter)
{
    struct tq_executor *executor = owner;
    struct tq_task *task = (struct tq_task *)letter; /* it is the first member */
    enum tq_letter_kind kind = (enum tq_letter_kind)letter->kind;

    if (kind == TQ_LETTER_TASK) {
        task->received_us = (int64_t)uv_now(&executor->loop) * 1000; /* the same clock */
        append(&executor->ready_last, task);
        return;
    }
    if (kind == TQ_LETTER_GIVE_BACK)
        return_unstarted(executor, INT64_MAX);
    else if (kind == TQ_LETTER_INTERRUPT)
        interrupt_all(executor);
    else if (kind == TQ_LETTER_CANCEL)
        cancel(executor, (const struct cancellation *)letter); /* it is the first member */
    else
        quit(executor);
    free(letter);
}

static void on_drained(void *owner)
{
    struct tq_executor *executor = owner;

    if (!uv_is_closing((uv_handle_t *)&executor->idle))
        pump(executor);
}

void tq_executor_give(struct tq_executor *executor, struct tq_letter *first, struct tq_letter *last)
{
    tq_inbox_post(&executor->inbox, first, last);
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

/* Makes everything in the order in which run_thread() tears it down again. */
static bool set_up(struct tq_executor *executor, struct tq_err *err)
{
    struct tq_script_config config = {.open_taskq = luaopen_taskq, .host = &executor->host};

    executor->ready_last = &executor->ready;
    executor->runnable_last = &executor->runnable;
    executor->preempted_last = &executor->preempted;
    executor->outbox_last = &executor->outbox;
    if (!open_loop(executor, err))
        return false;
    if (!tq_inbox_open(&executor->inbox, &executor->loop, on_letter, on_drained, executor, err))
        goto close_loop;
    executor->net = tq_net_new(&executor->loop, err);
    if (executor->net == NULL)
        goto close_inbox;
    tq_executor_host_init(executor);
    if (!tq_ticker_start(err))
        goto close_net;
    if (!tq_script_new(&config, executor->config.source, &executor->script, err))
        goto stop_ticker;
    return true;

stop_ticker:
    tq_ticker_stop();
close_net:
    tq_net_close(executor->net, on_net_closed, executor);
close_inbox:
    tq_inbox_close(&executor->inbox, on_inbox_closed);
close_loop:
    uv_close((uv_handle_t *)&executor->idle, NULL);
    uv_close((uv_handle_t *)&executor->tick, NULL);
    (void)uv_run(&executor->loop, UV_RUN_DEFAULT); /* until the handles have closed */
    (void)uv_loop_close(&executor->loop);          /* nothing is left on it */
    return false;
}

static void run_thread(void *arg)
{
    struct tq_executor *executor = arg;

    executor->is_started = set_up(executor, &executor->start_err);
    bool is_started = executor->is_started;

    uv_sem_post(&executor->started);
    if (!is_started)
        return;
    (void)uv_run(&executor->loop, UV_RUN_DEFAULT); /* until quit() has closed every handle */
    tq_ticker_stop();
    tq_script_free(executor->script);
    if (uv_loop_close(&executor->loop) != 0)
        tq_log(TQ_LOG_ERROR, "executor", "a handle was left on the loop", "");
}

bool tq_executor_start(const struct tq_executor_config *config, struct tq_executor **executor,
                       struct tq_err *err)
{
    struct tq_executor *made = tq_zalloc(sizeof *made);

    made->config = *config;
    if (uv_sem_init(&made->started, 0) != 0 ||
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
    uv_sem_destroy(&executor->started);
    free(executor);
}
