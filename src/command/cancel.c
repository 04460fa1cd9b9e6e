// SPDX-License-Identifier: MIT
//
// taskq cancel.
#include <stdint.h>

#include "command/command.h"
#include "command/task_ids.h"
#include "database/operator.h"

static bool apply(struct tq_session *session, int64_t id, const void *options, const char **outcome,
                  struct tq_err *err)
{
    bool is_requested;

    (void)options; /* it has none */
    if (!tq_operator_cancel(session, id, &is_requested, err))
        return false;
    *outcome = is_requested ? "requested" : "cancelled";
    return true;
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    const struct tq_task_action action = {.apply = apply};

    if (call->argument_count == 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "an id is missing: taskq cancel ID...");
    return tq_task_ids_run(call, "taskq cancel", &action, code, err);
}

const struct tq_command tq_command_cancel = {
    .name = "cancel",
    .usage = "ID... [options]",
    .summary = "cancel tasks",
    .details =
        "Cancels each task that is pending. Of one that runs, the worker is asked to stop the\n"
        "handler; unless it finishes first, it is cancelled a moment later. Prints a line a task:\n"
        "its id, and `cancelled` or `requested`. Tasks that have finished are refused (exit code "
        "1).\n",
    .most_arguments = SIZE_MAX,
    .run = run,
};
