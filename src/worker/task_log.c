// SPDX-License-Identifier: MIT
//
// Lines about tasks.
#include "worker/task_log.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "script/script.h"
#include "worker/generation.h"

enum { MOST_RESULT_BYTES = 200 };

static void log_success(const struct tq_task *task)
{
    const struct tq_settled *settled = &task->settlement.settled;
    bool is_long = settled->result_len > MOST_RESULT_BYTES;
    char *start = is_long ? tq_memdup(settled->result, MOST_RESULT_BYTES) : NULL;
    char *shown = is_long ? tq_format("%s...", start) : NULL;

    tq_log(TQ_LOG_INFO, "worker", "task completed", "task=%lld type=%s attempt=%d result=%s",
           (long long)settled->id, task->type, task->attempts, is_long ? shown : settled->result);
    free(shown);
    free(start);
}

static void log_failure(const struct tq_task *task, const char *source)
{
    const struct tq_settled *settled = &task->settlement.settled;

    if (task->settlement.verdict == TQ_VERDICT_REQUEUE)
        tq_log(TQ_LOG_WARN, "worker", "task failed, will retry",
               "task=%lld type=%s attempt=%d of=%d retry_in_ms=%lld kind=%s error=%s source=%s",
               (long long)settled->id, task->type, task->attempts, task->max_attempts,
               (long long)settled->delay_us / 1000, settled->kind, settled->error, source);
    else
        tq_log(TQ_LOG_ERROR, "worker", "task failed",
               "task=%lld type=%s attempt=%d of=%d kind=%s error=%s source=%s",
               (long long)settled->id, task->type, task->attempts, task->max_attempts,
               settled->kind, settled->error, source);
}

void tq_task_log_end(const struct tq_task *task, bool is_watched)
{
    const struct tq_settled *settled = &task->settlement.settled;
    char *source = NULL;

    if (task->settlement.verdict == TQ_VERDICT_COMPLETE ||
        task->settlement.verdict == TQ_VERDICT_COMPLETE_LOGGED) {
        if (is_watched)
            log_success(task);
        return;
    }
    if (settled->kind == NULL)
        return;
    if (task->settlement.verdict == TQ_VERDICT_FAIL && task->stop == TQ_STOP_CANCELLED) {
        tq_log(TQ_LOG_INFO, "worker", "task cancelled", "task=%lld type=%s attempt=%d",
               (long long)settled->id, task->type, task->attempts);
        return;
    }
    if (is_watched && task->generation != NULL && settled->error != NULL)
        source = tq_source_quote(task->generation->source, settled->error);
    log_failure(task, source);
    free(source);
}

void tq_task_log_loss(const struct tq_task *task)
{
    tq_log(TQ_LOG_WARN, "worker",
           "outcome not written: the task is no longer this worker's, or it was given back "
           "just before the connection broke",
           "task=%lld type=%s attempt=%d", (long long)task->settlement.settled.id, task->type,
           task->attempts);
}
