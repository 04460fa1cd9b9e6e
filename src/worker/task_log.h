// SPDX-License-Identifier: MIT
//
// What the log says of the ends of tasks. Main thread.
#ifndef TQ_WORKER_TASK_LOG_H
#define TQ_WORKER_TASK_LOG_H

#include "worker/task.h"

/* An end that was written: failures and cancels; for a person who watches also successes, and the
   line of source that an error comes from. */
void tq_task_log_end(const struct tq_task *task, bool is_watched);

/* The outcome of a task that is no longer ours. */
void tq_task_log_loss(const struct tq_task *task);

#endif
