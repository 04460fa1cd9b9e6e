// SPDX-License-Identifier: MIT
//
// taskq cleanup.
#include <inttypes.h>
#include <stdio.h>

#include "command/command.h"
#include "command/database.h"
#include "command/task_ids.h"
#include "database/operator.h"

struct cleanup_options {
    int64_t older_than_ms;
    const char *status;
};

#define AT(field) offsetof(struct cleanup_options, field)
#define YEAR_MS (366LL * 24 * 3600 * 1000)

static const struct tq_option options[] = {
    {"older-than", TQ_OPTION_DURATION, AT(older_than_ms), "DURATION", NULL, NULL, 1, 100 * YEAR_MS,
     "remove what finished longer ago than this, such as 30d"},
    {"status", TQ_OPTION_TEXT, AT(status), "STATUS", NULL, NULL, 0, 0,
     "only tasks that are completed, failed or cancelled"},
    {0},
};

static bool clean_up(const struct cleanup_options *o, struct tq_session *session, int64_t *total,
                     enum tq_remains *remains, struct tq_err *err)
{
    struct tq_step step;

    do {
        if (!tq_operator_cleanup(session, o->older_than_ms * 1000, o->status, &step, err))
            return *total > 0
                       ? tq_err_prefix(err, "%" PRId64 " tasks were removed before this", *total)
                       : false;
        *total += step.count;
    } while (step.remains == TQ_REMAINS_MORE);
    *remains = step.remains;
    return true;
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    const struct cleanup_options *o = call->options;
    struct tq_database database;
    enum tq_remains remains = TQ_REMAINS_NOTHING;
    int64_t total = 0;
    bool is_done;

    if (o->older_than_ms == 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "the age is missing: taskq cleanup --older-than DURATION");
    if (!tq_task_status_check(o->status, "completed, failed, cancelled", err) ||
        !tq_database_open(call->common, "taskq cleanup", &database, err))
        return false;
    is_done = clean_up(o, database.session, &total, &remains, err);
    if (is_done)
        (void)printf(
            call->common->is_json ? "{\"removed\":%" PRId64 "}\n" : "removed %" PRId64 "\n", total);
    if (is_done && remains == TQ_REMAINS_BUSY) {
        (void)fputs("taskq: some days are in use and were left: run it again later\n", stderr);
        *code = TQ_EXIT_FAILED;
    }
    tq_database_close(&database);
    return is_done;
}

const struct tq_command tq_command_cleanup = {
    .name = "cleanup",
    .usage = "--older-than DURATION [options]",
    .summary = "remove old finished tasks",
    .details =
        "Removes tasks that were completed, failed or cancelled longer ago than DURATION, with "
        "their\n"
        "attempts, and prints how many. `taskq stats` counts only what is kept.\n",
    .options = options,
    .options_size = sizeof(struct cleanup_options),
    .run = run,
};
