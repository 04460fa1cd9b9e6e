// SPDX-License-Identifier: MIT
//
// What an executor does with hearings: it tells their events to the listeners of its newest script,
// one after the other, as runs beside those of handlers. They take turns with handlers on the
// thread, but no slots; so many run at once, and more wait in their order.
//
//     from main, or a handler starts -> waiting for their turn -> listener after listener -> main
//
// A listener that fails, or is stopped at its time limit, is logged, and the next one is told.
#include "base/clock.h"
#include "base/log.h"
#include "script/script.h"
#include "worker/executor_state.h"
#include "worker/hearing.h"

enum {
    HEARINGS_AT_ONCE = 1000,
    LISTENER_GRACE_US = 1000000, /* from the catchable timeout to the end */
};

static void give_back(struct tq_executor *executor, struct tq_task *task)
{
    tq_executor_post(executor, task, TQ_LETTER_HEARD);
}

/* Starts the run of the next listener; false when all have been told. */
static bool tell_next(struct tq_executor *executor, struct tq_task *task)
{
    struct tq_hearing *hearing = task->hearing;
    struct tq_script *script = task->loaded->script;

    if (executor->is_hushed ||
        hearing->next >= tq_script_listener_count(script, hearing->event.kind))
        return false;

    const struct tq_handler *listener =
        tq_script_listener(script, hearing->event.kind, hearing->next++);

    task->soft_deadline_us = tq_clock_us() + listener->timeout_ms * 1000;
    task->hard_deadline_us = task->soft_deadline_us + LISTENER_GRACE_US;

    struct tq_run_task seen = tq_executor_describe(executor, task);

    seen.event = &hearing->event;
    task->run = tq_run_start(script, listener, &seen, task);
    tq_executor_queue(executor, task);
    return true;
}

static void end_hearing(struct tq_executor *executor, struct tq_task *task)
{
    tq_executor_release(executor, task->loaded);
    task->loaded = NULL;
    executor->hearings_running--;
    give_back(executor, task);
}

static void begin(struct tq_executor *executor, struct tq_task *task)
{
    task->loaded = tq_executor_hold(executor);
    executor->hearings_running++;
    if (!tell_next(executor, task))
        end_hearing(executor, task);
}

static struct tq_task *take_waiting(struct tq_executor *executor)
{
    return tq_tasks_take(&executor->hearings, &executor->hearings.first);
}

void tq_executor_hear(struct tq_executor *executor, struct tq_task *task)
{
    tq_tasks_append(&executor->hearings, task);
}

void tq_executor_begin_hearings(struct tq_executor *executor)
{
    while (executor->hearings.first != NULL && executor->hearings_running < HEARINGS_AT_ONCE)
        begin(executor, take_waiting(executor));
}

void tq_executor_announce(struct tq_executor *executor, struct tq_task *task)
{
    task->is_announced = true;

    struct tq_task *copy = tq_task_copy(task);

    tq_hearing_begin(copy, TQ_EVENT_STARTED);
    tq_executor_hear(executor, copy);
    tq_executor_begin_hearings(executor);
}

static void log_failure(const struct tq_task *task, const struct tq_handler *listener,
                        const struct tq_outcome *outcome)
{
    tq_log(TQ_LOG_ERROR, "listener", "a listener failed",
           "event=%s file=%s task=%lld type=%s attempt=%d kind=%s error=%s", listener->type,
           listener->file, (long long)task->settlement.settled.id, task->type, task->attempts,
           outcome->error_kind, outcome->error);
}

static void end_run(struct tq_task *task)
{
    const struct tq_hearing *hearing = task->hearing;
    const struct tq_outcome *outcome = tq_run_outcome(task->run);

    if (outcome->kind != TQ_OUTCOME_SUCCESS)
        log_failure(
            task, tq_script_listener(task->loaded->script, hearing->event.kind, hearing->next - 1),
            outcome);
    tq_run_free(task->run);
    task->run = NULL;
}

void tq_executor_heard(struct tq_executor *executor, struct tq_task *task)
{
    end_run(task);
    if (!tell_next(executor, task))
        end_hearing(executor, task);
}

void tq_executor_end_hearings(struct tq_executor *executor)
{
    executor->is_hushed = true;
    while (executor->hearings.first != NULL)
        give_back(executor, take_waiting(executor));
}
