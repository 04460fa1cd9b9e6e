// SPDX-License-Identifier: MIT
//
// What a producer may write: one line of `enqueue --from`, and the parts of it that are arguments
// of `enqueue TYPE`. Checked here, so that a mistake is named before the server sees anything.
#ifndef TQ_COMMAND_TASK_LINE_H
#define TQ_COMMAND_TASK_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "command/json_scan.h"

enum {
    TQ_TASK_TYPE_MOST_BYTES = 200,
    TQ_TASK_PRIORITY_LEAST = -32768,
    TQ_TASK_PRIORITY_MOST = 32767,
    TQ_TASK_MAX_ATTEMPTS_MOST = 1000,
    TQ_TASK_LINE_MOST_BYTES = 10 * 1024 * 1024,
};

/* An object with type and perhaps payload, priority, max_attempts and scheduled_at, each of which
   may be null. scan is any scan, reused. */
TQ_MUST_CHECK bool tq_task_line_check(struct tq_json_scan *scan, const char *line, size_t len,
                                      struct tq_err *err);

TQ_MUST_CHECK bool tq_task_type_check(const char *type, struct tq_err *err);
TQ_MUST_CHECK bool tq_task_payload_check(const char *payload, size_t len, struct tq_err *err);

#endif
