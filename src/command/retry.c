// SPDX-License-Identifier: MIT
//
// taskq retry: tasks by their ids, or all that match.
#include <inttypes.h>
#include <stdio.h>

#include "command/command.h"
#include "command/database.h"
#include "command/task_ids.h"
#include "database/operator.h"

enum { BATCH = 1000 };

struct retry_options {
    bool is_resetting_attempts;
    const char *type, *status;
    int64_t limit; /* 0: none */
};

#define AT(field) offsetof(struct retry_options, field)

static const struct tq_option options[] = {
    {"reset-attempts", TQ_OPTION_FLAG, AT(is_resetting_attempts), NULL, NULL, NULL, 0, 0,
     "forget the attempts that were used up"},
    {"type", TQ_OPTION_TEXT, AT(type), "GLOB", NULL, NULL, 0, 0,
     "instead of ids: all tasks whose type matches, such as 'email:*'"},
    {"status", TQ_OPTION_TEXT, AT(status), "STATUS", NULL, NULL, 0, 0,
     "instead of ids: all tasks that are failed (the default with --type) or cancelled"},
    {"limit", TQ_OPTION_INTEGER, AT(limit), "N", NULL, NULL, 1, INT64_MAX,
     "at most so many of them, the oldest first"},
    {0},
};

static bool apply(struct tq_session *session, int64_t id, const void *opaque, const char **outcome,
                  struct tq_err *err)
{
    const struct retry_options *o = opaque;

    *outcome = "retried";
    return tq_operator_retry(session, id, o->is_resetting_attempts, err);
}

/* Batch by batch, each a transaction, so that no lock is held for long. */
static bool retry_all(const struct retry_options *o, struct tq_session *session, int64_t *total,
                      struct tq_err *err)
{
    struct tq_retry_batch batch = {
        .type = o->type,
        .status = o->status != NULL ? o->status : "failed",
        .is_resetting_attempts = o->is_resetting_attempts,
    };
    int64_t retried;

    do {
        int64_t left = o->limit > 0 ? o->limit - *total : BATCH;

        batch.most = (int32_t)(left < BATCH ? left : BATCH);
        if (batch.most == 0)
            break;
        if (!tq_operator_retry_many(session, &batch, &retried, err))
            return *total > 0
                       ? tq_err_prefix(err, "%" PRId64 " tasks were retried before this", *total)
                       : false;
        *total += retried;
    } while (retried == batch.most);
    return true;
}

static bool run_all(const struct tq_call *call, struct tq_err *err)
{
    struct tq_database database;
    struct tq_session *session;
    int64_t total = 0;
    bool is_done = false;

    if (!tq_database_open(call->common, &database, err))
        return false;
    if (!tq_database_connect_migrated(&database, "taskq retry", &session, err))
        goto close_database;
    is_done = retry_all(call->options, session, &total, err);
    if (is_done)
        (void)printf(
            call->common->is_json ? "{\"retried\":%" PRId64 "}\n" : "retried %" PRId64 "\n", total);
    tq_session_close(session);
close_database:
    tq_database_close(&database);
    return is_done;
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    const struct retry_options *o = call->options;
    const struct tq_task_action action = {.apply = apply, .options = o};
    bool is_all = o->type != NULL || o->status != NULL;

    if (is_all && call->argument_count > 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "ids and --type or --status exclude each other");
    if (!is_all && o->limit != 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "--limit needs --type or --status");
    if (!is_all && call->argument_count == 0)
        return tq_err_set(
            err, TQ_ERR_USAGE, 0,
            "an id is missing: taskq retry ID..., or --type GLOB, or --status STATUS");
    if (!tq_task_status_check(o->status, "failed, cancelled", err))
        return false;
    return is_all ? run_all(call, err) : tq_task_ids_run(call, "taskq retry", &action, code, err);
}

const struct tq_command tq_command_retry = {
    .name = "retry",
    .usage = "ID... [options]\n       taskq retry --type GLOB | --status STATUS [--limit N]",
    .summary = "put failed or cancelled tasks back into the queue",
    .details =
        "Makes each task pending and due. The attempts that it has used still count, but it gets "
        "one\n"
        "more if they are used up; with --reset-attempts it begins anew. Tasks that are pending, "
        "run or\n"
        "are completed are refused (exit code 1).\n",
    .options = options,
    .options_size = sizeof(struct retry_options),
    .most_arguments = SIZE_MAX,
    .run = run,
};
