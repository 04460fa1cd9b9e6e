// SPDX-License-Identifier: MIT
//
// taskq enqueue --from: many tasks, a line each.
#ifndef TQ_COMMAND_ENQUEUE_H
#define TQ_COMMAND_ENQUEUE_H

#include <stdint.h>

#include "base/error.h"
#include "command/line_reader.h"
#include "database/session.h"

struct tq_enqueued {
    int64_t tasks;
    int64_t skipped; /* lines; always 0 unless is_partial */
};

/* Enqueues every line that reader has left, in one transaction; or, when is_partial, batch by
   batch, reporting and skipping bad lines. err tells what was and what was not enqueued. */
TQ_MUST_CHECK bool tq_enqueue_lines(struct tq_session *session, struct tq_line_reader *reader,
                                    bool is_partial, struct tq_enqueued *enqueued,
                                    struct tq_err *err);

#endif
