// SPDX-License-Identifier: MIT
//
// Making hearings. What a settled task is an event of:
//
//     completed                                   worker-task:completed
//     failed, or will be retried                  worker-task:failed
//     failed without having run: lease expired    worker-task:failed
//     cancelled, snoozed, given back              none
#include "worker/hearing.h"

#include <string.h>

#include "base/memory.h"

static size_t text_bytes(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

struct tq_event tq_hearing_event(const struct tq_task *task, enum tq_event_kind kind)
{
    const struct tq_settled *settled = &task->settlement.settled;

    return (struct tq_event){
        .kind = kind,
        .duration_us = task->ended_us - task->started_us,
        .result = settled->result,
        .result_len = settled->result != NULL ? settled->result_len : 0,
        .error = settled->error,
        .traceback = settled->traceback,
        .error_kind = settled->kind,
        .will_retry = task->settlement.verdict == TQ_VERDICT_REQUEUE,
    };
}

void tq_hearing_begin(struct tq_task *task, enum tq_event_kind kind)
{
    struct tq_hearing *hearing = tq_zalloc(sizeof *hearing);

    hearing->event = tq_hearing_event(task, kind);
    hearing->bytes = sizeof *task + task->payload_len + hearing->event.result_len +
                     text_bytes(hearing->event.error) + text_bytes(hearing->event.traceback);
    task->hearing = hearing;
}

bool tq_hearing_kind(const struct tq_task *task, enum tq_event_kind *kind)
{
    const struct tq_settlement *settlement = &task->settlement;

    if (settlement->verdict == TQ_VERDICT_COMPLETE ||
        settlement->verdict == TQ_VERDICT_COMPLETE_LOGGED) {
        *kind = TQ_EVENT_COMPLETED;
        return true;
    }
    *kind = TQ_EVENT_FAILED;
    return settlement->settled.kind != NULL && (settlement->verdict == TQ_VERDICT_REQUEUE ||
                                                strcmp(settlement->settled.status, "failed") == 0);
}
