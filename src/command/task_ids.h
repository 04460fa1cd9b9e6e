// SPDX-License-Identifier: MIT
//
// Commands that do something to each of the tasks whose ids are their arguments: what became of
// each goes to stdout, a refusal to stderr, and a refused task does not keep the others from being
// tried.
#ifndef TQ_COMMAND_TASK_IDS_H
#define TQ_COMMAND_TASK_IDS_H

#include <stdint.h>

#include "command/command.h"
#include "database/session.h"

/* A task's id, as an argument: a whole number above 0. */
TQ_MUST_CHECK bool tq_task_id_parse(const char *text, int64_t *id, struct tq_err *err);

/* status is one of the words of choices, "failed, cancelled"; NULL is fine. */
TQ_MUST_CHECK bool tq_task_status_check(const char *status, const char *choices,
                                        struct tq_err *err);

/* Does it to one task; *outcome: a word for what became of it. */
struct tq_task_action {
    bool (*apply)(struct tq_session *session, int64_t id, const void *options, const char **outcome,
                  struct tq_err *err);
    const void *options;
};

/* Parses all arguments of call, connects as name, and acts on each; *code is TQ_EXIT_FAILED when
   one was refused. */
TQ_MUST_CHECK bool tq_task_ids_run(const struct tq_call *call, const char *name,
                                   const struct tq_task_action *action, enum tq_exit *code,
                                   struct tq_err *err);

#endif
