// SPDX-License-Identifier: MIT
//
// taskq dev: a worker for somebody who is writing handlers. It differs from `taskq worker` in these
// defaults, and in what is_watched says of it.
#include "command/worker.h"

static const struct tq_option_default defaults[] = {
    {"log-format", "pretty"},
    {"shutdown-timeout", "1s"},
    {NULL, NULL},
};

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    struct tq_worker_options worker = *(const struct tq_worker_options *)call->options;

    worker.is_watched = true;
    return tq_worker_command_run(call, &worker, code, err);
}

const struct tq_command tq_command_dev = {
    .name = "dev",
    .usage = "[options]",
    .summary = "run tasks while you write their handlers",
    .details =
        "A worker that tells you what happens: each task with its result or its error and the "
        "line of\n"
        "source, and what changed when you saved a file. It starts with handlers that do not "
        "load, and\n"
        "waits until they do. ^C ends it. Colours only on a terminal, and not with NO_COLOR.\n",
    .options = tq_worker_command_options,
    .defaults = defaults,
    .options_size = sizeof(struct tq_worker_options),
    .run = run,
};
