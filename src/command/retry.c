// SPDX-License-Identifier: MIT
//
// taskq retry: tasks by their ids, or all that match.
#include <inttypes.h>
#include <stdio.h>

#include "command/command.h"
#include "command/database.h"
#include "command/moment.h"
#include "command/task_ids.h"
#include "database/operator.h"

enum { BATCH = 1000 };

#define CENTURY_MS (36525LL * 24 * 3600 * 1000)

struct retry_options {
    bool is_resetting_attempts;
    const char *type, *status;
    int64_t newer_than_ms, older_than_ms; /* 0: not given */
    const char *finished_after, *finished_before;
    int64_t limit; /* 0: none */
};

#define AT(field) offsetof(struct retry_options, field)

static const struct tq_option options[] = {
    {"reset-attempts", TQ_OPTION_FLAG, AT(is_resetting_attempts), NULL, NULL, NULL, 0, 0,
     "forget the attempts that were used up"},
    {"type", TQ_OPTION_TEXT, AT(type), "GLOB", NULL, NULL, 0, 0,
     "instead of ids: all tasks whose type matches, such as 'email:*'"},
    {"status", TQ_OPTION_TEXT, AT(status), "STATUS", NULL, NULL, 0, 0,
     "instead of ids: all tasks that are failed (the default) or cancelled"},
    {"newer-than", TQ_OPTION_DURATION, AT(newer_than_ms), "DURATION", NULL, NULL, 1, CENTURY_MS,
     "instead of ids: all that finished within this time, such as 2h"},
    {"older-than", TQ_OPTION_DURATION, AT(older_than_ms), "DURATION", NULL, NULL, 1, CENTURY_MS,
     "instead of ids: all that finished longer ago than this"},
    {"finished-after", TQ_OPTION_TEXT, AT(finished_after), "TIME", NULL, NULL, 0, 0,
     "instead of ids: all that finished at this time or later"},
    {"finished-before", TQ_OPTION_TEXT, AT(finished_before), "TIME", NULL, NULL, 0, 0,
     "instead of ids: all that finished before this time"},
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

static bool read_bound(const char *option, const char *text, int64_t age_ms,
                       struct tq_finish_bound *bound, struct tq_err *err)
{
    bound->age_us = age_ms * 1000;
    bound->is_time = text != NULL;
    return text == NULL || tq_moment_parse(option, text, &bound->at, err);
}

/* Which tasks: those that the first batch takes. */
static bool read_batch(const struct retry_options *o, struct tq_retry_batch *batch,
                       struct tq_err *err)
{
    *batch = (struct tq_retry_batch){
        .type = o->type,
        .status = o->status != NULL ? o->status : "failed",
        .is_resetting_attempts = o->is_resetting_attempts,
    };
    if (o->finished_after != NULL && o->newer_than_ms > 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "--finished-after and --newer-than exclude each other");
    if (o->finished_before != NULL && o->older_than_ms > 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "--finished-before and --older-than exclude each other");
    if (!read_bound("finished-after", o->finished_after, o->newer_than_ms, &batch->from, err) ||
        !read_bound("finished-before", o->finished_before, o->older_than_ms, &batch->before, err))
        return false;
    if ((batch->from.is_time && batch->before.is_time && batch->from.at >= batch->before.at) ||
        (o->newer_than_ms > 0 && o->older_than_ms >= o->newer_than_ms))
        return tq_err_set(err, TQ_ERR_USAGE, 0, "no task can lie between these two bounds");
    return true;
}

/* Batch by batch, each a transaction, so that no lock is held for long. */
static bool retry_all(struct tq_retry_batch *batch, int64_t limit, struct tq_session *session,
                      int64_t *total, struct tq_err *err)
{
    int64_t retried;

    do {
        int64_t left = limit > 0 ? limit - *total : BATCH;

        batch->most = (int32_t)(left < BATCH ? left : BATCH);
        if (batch->most == 0)
            break;
        if (!tq_operator_retry_many(session, batch, &retried, err))
            return *total > 0
                       ? tq_err_prefix(err, "%" PRId64 " tasks were retried before this", *total)
                       : false;
        *total += retried;
    } while (retried == batch->most);
    return true;
}

static bool run_all(const struct tq_call *call, struct tq_err *err)
{
    const struct retry_options *o = call->options;
    struct tq_retry_batch batch;
    struct tq_database database;
    int64_t total = 0;
    bool is_done;

    if (!read_batch(o, &batch, err) ||
        !tq_database_open(call->common, "taskq retry", &database, err))
        return false;
    is_done = retry_all(&batch, o->limit, database.session, &total, err);
    if (is_done)
        (void)printf(
            call->common->is_json ? "{\"retried\":%" PRId64 "}\n" : "retried %" PRId64 "\n", total);
    tq_database_close(&database);
    return is_done;
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    const struct retry_options *o = call->options;
    const struct tq_task_action action = {.apply = apply, .options = o};
    bool is_all = o->type != NULL || o->status != NULL || o->newer_than_ms > 0 ||
                  o->older_than_ms > 0 || o->finished_after != NULL || o->finished_before != NULL;

    if (is_all && call->argument_count > 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "ids exclude --type, --status and bounds of the age");
    if (!is_all && o->limit != 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "--limit needs --type, --status or an age");
    if (!is_all && call->argument_count == 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "an id is missing: taskq retry ID..., or --type GLOB, --status STATUS, "
                          "--newer-than DURATION, ...");
    if (!tq_task_status_check(o->status, "failed, cancelled", err))
        return false;
    return is_all ? run_all(call, err) : tq_task_ids_run(call, "taskq retry", &action, code, err);
}

const struct tq_command tq_command_retry = {
    .name = "retry",
    .usage = "ID... [--reset-attempts]\n"
             "       taskq retry [--type GLOB] [--status STATUS] [--newer-than DURATION] [options]",
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
