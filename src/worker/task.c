// SPDX-License-Identifier: MIT
//
// Making tasks, and judging how they go on.
//
//     outcome                               verdict   attempt   again
//     success                               complete
//     failure, attempts left                requeue   counts    after retry_after, else backoff
//     failure, none left, or discarded      fail      counts
//     failure, and too old by then          fail      counts    kind "max age"
//     snooze                                requeue   is free   after the given delay
//     stopped: timeout, memory, stuck       as a failure
//     stopped: interrupted, or unstarted    requeue   is free   at its old place
//     stopped: cancelled                    fail, as cancelled
//     committed by the handler itself       complete, whatever came later: nothing is written
//     exhausted by workers that are gone    fail      is free
#include "worker/task.h"

#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/memory.h"
#include "script/script.h"
#include "worker/generation.h"
#include "worker/hearing.h"

struct tq_task *tq_task_new(const struct tq_claimed *row, int64_t worker_id)
{
    size_t type_size = strlen(row->type) + 1;
    struct tq_task *task = tq_alloc(sizeof *task + row->payload_len + 1 + type_size);

    memset(task, 0, sizeof *task);
    task->settlement.settled.id = row->id;
    task->settlement.settled.tid = row->tid;
    task->settlement.settled.claims = row->claims;
    task->settlement.settled.worker_id = worker_id;
    task->settlement.owner = task;
    task->priority = row->priority;
    task->attempts = row->attempts;
    task->own_max_attempts = row->max_attempts;
    task->scheduled_at_us = tq_pg_time_to_epoch_us(row->scheduled_at);
    task->created_at_us = tq_pg_time_to_epoch_us(row->created_at);
    task->executor = task->last_executor = -1;
    task->payload_len = row->payload_len;
    memcpy(task->payload, row->payload, row->payload_len);
    task->payload[row->payload_len] = '\0';
    task->type = memcpy(task->payload + row->payload_len + 1, row->type, type_size);
    return task;
}

int tq_task_max_attempts(int own, const struct tq_handler *handler)
{
    if (own > 0)
        return own;
    return handler != NULL && handler->max_attempts > 0 ? handler->max_attempts
                                                        : TQ_DEFAULT_MAX_ATTEMPTS;
}

void tq_task_bind(struct tq_task *task, struct tq_generation *generation,
                  const struct tq_handler *handler, size_t index)
{
    struct tq_generation *before = task->generation;

    tq_generation_ref(generation);
    task->generation = generation;
    task->handler = handler;
    task->handler_index = index;
    task->max_attempts = tq_task_max_attempts(task->own_max_attempts, handler);
    if (before == NULL)
        task->is_exhausted = task->attempts > task->max_attempts;
    else
        tq_generation_unref(before);
}

struct tq_task *tq_task_copy(const struct tq_task *task)
{
    const struct tq_settled *settled = &task->settlement.settled;
    size_t type_size = strlen(task->type) + 1;
    struct tq_task *copy = tq_zalloc(sizeof *copy + task->payload_len + 1 + type_size);

    memcpy(copy->payload, task->payload, task->payload_len);
    copy->payload_len = task->payload_len;
    copy->type = memcpy(copy->payload + task->payload_len + 1, task->type, type_size);
    copy->settlement.settled.id = settled->id;
    copy->settlement.settled.tid = settled->tid;
    copy->settlement.settled.claims = settled->claims;
    copy->settlement.settled.worker_id = settled->worker_id;
    copy->settlement.owner = task->settlement.owner;
    copy->settlement.on_settled = task->settlement.on_settled;
    copy->generation = task->generation;
    tq_generation_ref(copy->generation);
    copy->handler = task->handler;
    copy->handler_index = task->handler_index;
    copy->priority = task->priority;
    copy->attempts = task->attempts;
    copy->own_max_attempts = task->own_max_attempts;
    copy->max_attempts = task->max_attempts;
    copy->scheduled_at_us = task->scheduled_at_us;
    copy->created_at_us = task->created_at_us;
    copy->executor = copy->last_executor = -1;
    copy->is_announced = task->is_announced;
    copy->is_committed = task->is_committed;
    copy->settlement.is_undecided = task->settlement.is_undecided;
    if (task->result != NULL) { /* of a handler's transaction */
        copy->result = tq_strdup(task->result);
        copy->settlement.settled.result_len = settled->result_len;
    }
    copy->delay_ms = -1;
    return copy;
}

void tq_task_free(struct tq_task *task)
{
    if (task->generation != NULL)
        tq_generation_unref(task->generation);
    free(task->result);
    free(task->error);
    free(task->traceback);
    free(task->error_kind);
    free(task->notes);
    free(task->settlement.own_error);
    free(task->hearing);
    free(task);
}

static void give_back(struct tq_task *task)
{
    task->settlement.verdict = TQ_VERDICT_REQUEUE;
    task->settlement.settled.delay_us = -1;
    task->settlement.settled.is_handed_back = true;
}

/* The error stays, with the reason for giving up behind it. */
static void fail_for_age(struct tq_task *task)
{
    char max_age[24];
    char *error = tq_format("%s; not retried: the next attempt would begin more than %s after the "
                            "task was created (max_age)",
                            task->error != NULL ? task->error : "failed",
                            tq_duration_format_ms(task->handler->max_age_ms, max_age));

    free(task->error);
    task->error = error;
    task->settlement.settled.error = error;
    task->settlement.settled.kind = "max age";
    task->settlement.verdict = TQ_VERDICT_FAIL;
    task->settlement.settled.status = "failed";
}

static void retry_or_fail(struct tq_task *task, double unit, int64_t now_us)
{
    struct tq_settled *settled = &task->settlement.settled;
    int64_t delay_ms = task->delay_ms;

    settled->kind = task->error_kind;
    settled->error = task->error;
    settled->traceback = task->traceback;
    if (task->attempts >= task->max_attempts)
        settled->max_attempts = task->max_attempts;
    if (task->is_discarded || task->attempts >= task->max_attempts) {
        task->settlement.verdict = TQ_VERDICT_FAIL;
        settled->status = "failed";
        return;
    }
    if (delay_ms < 0)
        delay_ms = tq_backoff_delay_ms(&task->handler->backoff, task->attempts, unit);
    if (task->handler->max_age_ms > 0 &&
        now_us - task->created_at_us + delay_ms * 1000 > task->handler->max_age_ms * 1000) {
        fail_for_age(task);
        return;
    }
    task->settlement.verdict = TQ_VERDICT_REQUEUE;
    settled->delay_us = delay_ms * 1000;
}

void tq_task_judge(struct tq_task *task, double unit, int64_t now_us)
{
    struct tq_settled *settled = &task->settlement.settled;

    settled->notes = task->notes;
    settled->result = task->result;
    if (task->is_committed) {
        task->settlement.verdict = TQ_VERDICT_COMPLETE;
        return;
    }
    if (task->is_exhausted) {
        task->settlement.verdict = TQ_VERDICT_FAIL;
        settled->is_handed_back = true;
        settled->max_attempts = task->max_attempts;
        settled->status = "failed";
        settled->kind = "lease expired";
        settled->error = "the worker that ran the last attempt is gone";
        return;
    }
    if (task->is_unstarted || (task->outcome == TQ_OUTCOME_FAILURE && task->has_seen_shutdown)) {
        give_back(task);
        return;
    }
    switch (task->outcome) {
    case TQ_OUTCOME_SUCCESS:
        task->settlement.verdict =
            task->notes != NULL ? TQ_VERDICT_COMPLETE_LOGGED : TQ_VERDICT_COMPLETE;
        return;
    case TQ_OUTCOME_SNOOZE:
        give_back(task);
        settled->delay_us = task->delay_ms * 1000;
        return;
    case TQ_OUTCOME_STOPPED:
        if (task->stop == TQ_STOP_INTERRUPTED) {
            give_back(task);
            return;
        }
        retry_or_fail(task, unit, now_us);
        if (task->stop == TQ_STOP_CANCELLED) {
            task->settlement.verdict = TQ_VERDICT_FAIL;
            settled->status = "cancelled";
        }
        return;
    case TQ_OUTCOME_FAILURE:
        break;
    }
    retry_or_fail(task, unit, now_us);
}
