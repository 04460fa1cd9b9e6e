// SPDX-License-Identifier: MIT
//
// What the commands that run a worker share.
#ifndef TQ_COMMAND_WORKER_H
#define TQ_COMMAND_WORKER_H

#include "command/command.h"
#include "worker/worker.h"

/* They fill a struct tq_worker_options. */
extern const struct tq_option tq_worker_command_options[];

/* Runs a worker on the call's database. */
TQ_MUST_CHECK bool tq_worker_command_run(const struct tq_call *call,
                                         const struct tq_worker_options *options,
                                         enum tq_exit *code, struct tq_err *err);

#endif
