// SPDX-License-Identifier: MIT
//
// What an executor does with the tasks that it has: starts, resumes, stops and returns them.
//
//     inbox -> ready -> (a slot is free) started -> runnable <-> waiting
//                                                        '-> finished -> outbox -> main
//
// The loop sleeps in its poll phase; whatever makes a task runnable starts the idle handle, whose
// callback runs slices until nothing can run or its time is up, so that I/O is never starved.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "script/event.h"
#include "script/script.h"
#include "worker/executor_state.h"

enum {
    PUMP_US = 10000,             /* slices between two looks at I/O */
    BURST_US = 2000,             /* what waits has the thread so long before what computes */
    OUTBOX_BATCH = 128,          /* finished tasks between two posts */
    TICK_MS = 20,                /* how late a deadline of a waiting task may be seen */
    LATE_TICK_US = 50000,        /* the thread, or all of the machine, stood still */
    UNSTARTED_AFTER_US = 100000, /* then a task goes back to the main thread */
    GRACE_US = 1000000,          /* from the catchable error to the end */
};

static void on_idle(uv_idle_t *idle);
static void on_tick(uv_timer_t *tick);

/* ---- lists ---- */

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
    tq_inbox_post_all(executor->config.main_inbox, &executor->outbox);
    executor->outbox_count = 0;
}

void tq_executor_post(struct tq_executor *executor, struct tq_task *task, enum tq_letter_kind kind)
{
    task->letter.kind = (int)kind;
    tq_letters_add(&executor->outbox, &task->letter);
    if (++executor->outbox_count >= OUTBOX_BATCH)
        post_outbox(executor);
}

static void return_task(struct tq_executor *executor, struct tq_task *task)
{
    tq_executor_post(executor, task, TQ_LETTER_TASK);
}

void tq_executor_return_unstarted(struct tq_executor *executor, int64_t received_before_us)
{
    while (executor->ready.first != NULL &&
           executor->ready.first->received_us < received_before_us) {
        struct tq_task *task = tq_tasks_take(&executor->ready, &executor->ready.first);

        task->is_unstarted = true;
        return_task(executor, task);
    }
}

static char *copy_text(const char *text)
{
    return text != NULL ? tq_strdup(text) : NULL;
}

static void keep_outcome(struct tq_task *task, const struct tq_outcome *outcome)
{
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
    task->notes = copy_text(outcome->notes);
}

/* The handler's transaction has completed the task: what came later changes nothing. */
static void keep_committed(struct tq_task *task, const struct tq_outcome *outcome)
{
    task->outcome = TQ_OUTCOME_SUCCESS;
    if (outcome->kind != TQ_OUTCOME_SUCCESS)
        tq_log(TQ_LOG_WARN, "worker",
               "the handler failed after its transaction had completed the task",
               "task=%lld attempt=%d kind=%s error=%s", (long long)task->settlement.settled.id,
               task->attempts, outcome->error_kind != NULL ? outcome->error_kind : "snooze",
               outcome->error != NULL ? outcome->error : "");
}

static void finish(struct tq_executor *executor, struct tq_task *task)
{
    if (task->hearing != NULL) {
        tq_executor_heard(executor, task);
        return;
    }

    const struct tq_outcome *outcome = tq_run_outcome(task->run);

    task->ended_us = executor->now_us;
    tq_host_end_transaction(task);
    if (task->is_committed)
        keep_committed(task, outcome);
    else
        keep_outcome(task, outcome);
    tq_run_free(task->run);
    task->run = NULL;
    tq_executor_release(executor, task->loaded);
    task->loaded = NULL;
    executor->running--;
    return_task(executor, task);
}

/* ---- running ---- */

struct tq_run_task tq_executor_describe(const struct tq_executor *executor,
                                        const struct tq_task *task)
{
    return (struct tq_run_task){
        .id = task->settlement.settled.id,
        .type = task->type,
        .payload = task->payload,
        .payload_len = task->payload_len,
        .priority = task->priority,
        .attempt = task->attempts,
        .max_attempts = task->max_attempts,
        .claims = task->settlement.settled.claims,
        .created_at_us = task->created_at_us,
        .scheduled_at_us = task->scheduled_at_us,
        .worker_id = executor->config.worker_name,
        .soft_deadline_us = task->soft_deadline_us,
        .hard_deadline_us = task->hard_deadline_us,
    };
}

static void start(struct tq_executor *executor, struct tq_task *task)
{
    struct tq_loaded *loaded = task->loaded = tq_executor_hold(executor);
    const struct tq_handler *handler = tq_script_handler(loaded->script, task->handler_index);
    int64_t timeout_ms =
        handler->timeout_ms > 0 ? handler->timeout_ms : executor->config.task_timeout_ms;

    if (loaded->generation != task->generation)
        abort(); /* letters arrive in order, and a newer generation sends back what has not started
                  */
    task->started_us = executor->now_us;
    task->soft_deadline_us = executor->now_us + timeout_ms * 1000;
    task->hard_deadline_us = task->soft_deadline_us + GRACE_US;

    struct tq_run_task seen = tq_executor_describe(executor, task);

    task->run = tq_run_start(loaded->script, handler, &seen, task);
    executor->running++;
    if (atomic_load_explicit(executor->config.is_followed, memory_order_relaxed))
        tq_executor_post(executor, tq_task_copy(task), TQ_LETTER_STARTED);
    if (tq_script_listens(loaded->script, TQ_EVENT_STARTED))
        tq_executor_announce(executor, task);
}

/* While Lua code of this task runs, somebody else may find that the thread is stuck in it. */
static void begin_slice(struct tq_executor *executor, struct tq_task *task)
{
    executor->current = task;
    executor->slice++;
    uv_mutex_unlock(&executor->lock);
}

/* False: the thread was given up meanwhile. No task is its own any more, neither this one nor one
   that a list had; whoever gets this answer returns to the loop. */
static bool end_slice(struct tq_executor *executor)
{
    uv_mutex_lock(&executor->lock);
    executor->current = NULL;
    executor->now_us = tq_clock_us();
    return !executor->is_given_up;
}

/* Of a task that is in no list. False: see end_slice(). */
static bool stop(struct tq_executor *executor, struct tq_task *task, enum tq_stop reason)
{
    begin_slice(executor, task);
    tq_run_stop(task->run, reason);
    return end_slice(executor);
}

void tq_executor_start_tick(struct tq_executor *executor)
{
    if (uv_is_active((uv_handle_t *)&executor->tick))
        return;
    executor->ticked_us = executor->now_us;
    executor->was_late = false;
    (void)uv_timer_start(&executor->tick, on_tick, TICK_MS, TICK_MS); /* not null */
}

static void resume(struct tq_executor *executor, struct tq_task *task)
{
    begin_slice(executor, task);
    enum tq_run_state state = tq_run_resume(task->run);

    if (!end_slice(executor))
        return;
    if (state == TQ_RUN_PREEMPTED && executor->now_us >= task->hard_deadline_us) {
        if (!stop(executor, task, TQ_STOP_TIMEOUT))
            return;
        state = TQ_RUN_DONE;
    }
    switch (state) {
    case TQ_RUN_WAITING:
        add_waiting(executor, task);
        tq_executor_start_tick(executor);
        return;
    case TQ_RUN_PREEMPTED:
        tq_tasks_append(&executor->preempted, task);
        return;
    case TQ_RUN_DONE:
        finish(executor, task);
        return;
    }
}

/* A worker that drains starts nothing, also while the order to give back is still on its way. */
static bool can_start(const struct tq_executor *executor)
{
    return executor->ready.first != NULL && executor->running < executor->config.slots &&
           !atomic_load(executor->config.is_draining);
}

static bool has_runnable(const struct tq_executor *executor)
{
    return executor->runnable.first != NULL || executor->preempted.first != NULL;
}

/* Resumes what is awake, or starts what is ready; false when there is neither. */
static bool run_next(struct tq_executor *executor)
{
    struct tq_task *task;

    if (executor->runnable.first != NULL) {
        task = tq_tasks_take(&executor->runnable, &executor->runnable.first);
    } else if (can_start(executor)) {
        task = tq_tasks_take(&executor->ready, &executor->ready.first);
        start(executor, task);
        if (task->is_announced) { /* the listeners are told first */
            tq_tasks_append(&executor->runnable, task);
            return true;
        }
    } else {
        return false;
    }
    resume(executor, task);
    return true;
}

/* Runs slices: bursts of short ones, and one of what computes in between. The idle handle stays
   active while there is more to run. */
void tq_executor_pump(struct tq_executor *executor)
{
    executor->now_us = tq_clock_us();

    int64_t until_us = executor->now_us + PUMP_US;

    do {
        tq_executor_begin_hearings(executor);

        int64_t burst_until_us = executor->now_us + BURST_US;

        while (executor->now_us < burst_until_us && run_next(executor))
            continue;
        if (executor->preempted.first != NULL)
            resume(executor, tq_tasks_take(&executor->preempted, &executor->preempted.first));
    } while (executor->now_us < until_us && (has_runnable(executor) || can_start(executor)));
    tq_executor_begin_hearings(executor); /* what the watchdog has found in the inbox meanwhile */
    post_outbox(executor);
    if (executor->is_given_up) {
        tq_executor_leave(executor);
        return;
    }

    if (has_runnable(executor) || can_start(executor))
        (void)uv_idle_start(&executor->idle, on_idle); /* not null */
    else
        (void)uv_idle_stop(&executor->idle); /* always 0 */
    if (executor->ready.first != NULL)
        tq_executor_start_tick(executor);
}

static void on_idle(uv_idle_t *idle)
{
    tq_executor_pump(idle->data);
}

void tq_executor_receive(struct tq_executor *executor, struct tq_task *task)
{
    task->received_us = (int64_t)uv_now(&executor->loop) * 1000; /* the same clock */
    tq_tasks_append(&executor->ready, task);
}

void tq_executor_queue(struct tq_executor *executor, struct tq_task *task)
{
    tq_tasks_append(&executor->runnable, task);
    (void)uv_idle_start(&executor->idle, on_idle); /* not null */
}

void tq_executor_wake(struct tq_executor *executor, struct tq_task *task)
{
    if (!task->is_waiting)
        return; /* it was interrupted and runs again anyway, or its thread was given up */
    if (executor->current != NULL)
        abort(); /* in a slice, without the lock; what a slice calls ends no other task's wait */
    remove_waiting(executor, task);
    tq_executor_queue(executor, task);
}

/* Deadlines of what waits. What runs finds its own in its hook. */
static void check_waiting(struct tq_executor *executor)
{
    struct tq_task *task = executor->waiting, *next;
    int64_t now_us = executor->now_us;

    for (; task != NULL; task = next) {
        next = task->waiting_next;
        if (tq_host_is_deciding(task))
            continue;
        if (now_us >= task->hard_deadline_us || tq_run_is_condemned(task->run)) {
            remove_waiting(executor, task);
            if (!stop(executor, task, TQ_STOP_TIMEOUT))
                return;
            finish(executor, task);
        } else if (now_us >= task->soft_deadline_us &&
                   tq_run_interrupt(task->run, TQ_STOP_TIMEOUT, task->hard_deadline_us)) {
            tq_executor_wake(executor, task);
        }
    }
}

static void on_tick(uv_timer_t *tick)
{
    struct tq_executor *executor = tick->data;

    executor->now_us = tq_clock_us();

    bool is_late = executor->now_us - executor->ticked_us > LATE_TICK_US;
    bool is_first = is_late && !executor->was_late;

    executor->ticked_us = executor->now_us;
    executor->was_late = is_late;
    check_waiting(executor);
    if (!is_first || !can_start(executor)) /* else it is started now, as it could not be before */
        tq_executor_return_unstarted(executor, executor->now_us - UNSTARTED_AFTER_US);
    tq_executor_post_progress(executor);
    if (executor->waiting == NULL && executor->ready.first == NULL && !executor->has_progress)
        (void)uv_timer_stop(&executor->tick); /* always 0 */
    /* Timers that run slices are due again before the loop has read anything. */
    (void)uv_idle_start(&executor->idle, on_idle); /* not null */
}

/* ---- stopping ---- */

/* Takes the first hearing, or the first that is none, out of a list, or NULL. */
static struct tq_task *take_kind(bool is_hearing, struct tq_tasks *tasks)
{
    struct tq_task **at = &tasks->first;

    while (*at != NULL && ((*at)->hearing != NULL) != is_hearing)
        at = &(*at)->link;
    return *at != NULL ? tq_tasks_take(tasks, at) : NULL;
}

static struct tq_task *take_any_of(struct tq_executor *executor, bool is_hearing)
{
    struct tq_task *task = executor->waiting;

    while (task != NULL && ((task->hearing != NULL) != is_hearing || tq_host_is_deciding(task)))
        task = task->waiting_next;
    if (task != NULL)
        remove_waiting(executor, task);
    if (task == NULL)
        task = take_kind(is_hearing, &executor->runnable);
    if (task == NULL)
        task = take_kind(is_hearing, &executor->preempted);
    return task;
}

/* Stops what is started: the listeners, or the handlers. Whoever waits for the answer to a COMMIT
   is stopped when it is there. */
static void stop_all(struct tq_executor *executor, bool is_hearing)
{
    struct tq_task *task;

    for (task = executor->waiting; task != NULL; task = task->waiting_next) {
        if ((task->hearing != NULL) == is_hearing && tq_host_is_deciding(task))
            tq_run_condemn(task->run, TQ_STOP_INTERRUPTED);
    }
    while ((task = take_any_of(executor, is_hearing)) != NULL) {
        if (!stop(executor, task, TQ_STOP_INTERRUPTED))
            return;
        finish(executor, task);
    }
}

void tq_executor_interrupt_all(struct tq_executor *executor)
{
    tq_executor_return_unstarted(executor, INT64_MAX);
    stop_all(executor, false);
}

void tq_executor_hush(struct tq_executor *executor)
{
    tq_executor_end_hearings(executor);
    stop_all(executor, true);
}

static bool is_meant(const struct tq_task *task, int64_t id, int32_t claims)
{
    return task->hearing == NULL && task->settlement.settled.id == id &&
           task->settlement.settled.claims == claims;
}

/* Takes the task that is meant out of a list, or NULL. */
static struct tq_task *take_meant(int64_t id, int32_t claims, struct tq_tasks *tasks)
{
    struct tq_task **at = &tasks->first;

    while (*at != NULL && !is_meant(*at, id, claims))
        at = &(*at)->link;

    return *at != NULL ? tq_tasks_take(tasks, at) : NULL;
}

static struct tq_task *take_started(struct tq_executor *executor, int64_t id, int32_t claims)
{
    struct tq_task *task = executor->waiting;

    while (task != NULL && !is_meant(task, id, claims))
        task = task->waiting_next;
    if (task != NULL && tq_host_is_deciding(task))
        return NULL; /* if it does not finish, the request is found again */
    if (task != NULL)
        remove_waiting(executor, task);
    if (task == NULL)
        task = take_meant(id, claims, &executor->runnable);
    if (task == NULL)
        task = take_meant(id, claims, &executor->preempted);
    return task;
}

/* Of a task that is in no list. It is told once, as at its timeout, and has the same time to clean
   up. */
static void cancel(struct tq_executor *executor, struct tq_task *task)
{
    int64_t until_us = tq_clock_us() + GRACE_US;

    if (!tq_run_interrupt(task->run, TQ_STOP_CANCELLED, until_us)) {
        if (stop(executor, task, TQ_STOP_CANCELLED))
            finish(executor, task);
        return;
    }
    if (until_us < task->hard_deadline_us)
        task->hard_deadline_us = until_us;
    tq_tasks_append(&executor->runnable, task);
    (void)uv_idle_start(&executor->idle, on_idle); /* not null */
}

void tq_executor_stop_one(struct tq_executor *executor, int64_t id, int32_t claims)
{
    struct tq_task *task = take_started(executor, id, claims);

    if (task != NULL) {
        cancel(executor, task);
        return;
    }
    task = take_meant(id, claims, &executor->ready);
    if (task == NULL)
        return; /* it is on its way back: it ended first */
    task->outcome = TQ_OUTCOME_STOPPED;
    task->stop = TQ_STOP_CANCELLED;
    task->error_kind = tq_strdup("cancelled");
    task->error = tq_strdup("cancelled before the handler started");
    return_task(executor, task);
}

void tq_executor_init_lists(struct tq_executor *executor)
{
    tq_tasks_init(&executor->ready);
    tq_tasks_init(&executor->runnable);
    tq_tasks_init(&executor->preempted);
    tq_tasks_init(&executor->hearings);
    executor->waiting = NULL;
    executor->outbox = (struct tq_letters){0};
    executor->outbox_count = 0;
    executor->running = executor->hearings_running = 0;
}
