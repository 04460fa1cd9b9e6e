// SPDX-License-Identifier: MIT
//
// From a query's number to its file.
#include "database/query.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/resource.h"

/* One a line; clang-format would make columns of so many. */
/* clang-format off */
static const char *const names[TQ_QUERY_COUNT] = {
    [TQ_QUERY_CLAIM] = "claim",
    [TQ_QUERY_CLAIM_FOUND] = "claim_found",
    [TQ_QUERY_MARK] = "mark",
    [TQ_QUERY_DISCOVER] = "discover",
    [TQ_QUERY_NEXT_DUE] = "next_due",
    [TQ_QUERY_SWEEP] = "sweep",
    [TQ_QUERY_DOORBELL] = "doorbell",
    [TQ_QUERY_ECHO] = "echo",
    [TQ_QUERY_COMPLETE] = "complete",
    [TQ_QUERY_COMPLETE_LOGGED] = "complete_logged",
    [TQ_QUERY_COMPLETE_ONE] = "complete_one",
    [TQ_QUERY_FATE] = "fate",
    [TQ_QUERY_FAIL] = "fail",
    [TQ_QUERY_REQUEUE] = "requeue",
    [TQ_QUERY_PROGRESS] = "progress",
    [TQ_QUERY_LOCATE] = "locate",
    [TQ_QUERY_WRITTEN] = "written",
    [TQ_QUERY_STALE] = "stale",
    [TQ_QUERY_HELD] = "held",
    [TQ_QUERY_LIVE_BLOCKS] = "live_blocks",
    [TQ_QUERY_REGISTER] = "register",
    [TQ_QUERY_RENEW] = "renew",
    [TQ_QUERY_ANNOUNCE] = "announce",
    [TQ_QUERY_SIGN_OFF] = "sign_off",
    [TQ_QUERY_TERMINATE] = "terminate",
    [TQ_QUERY_FORGET_WORKERS] = "forget_workers",
    [TQ_QUERY_REMAINING] = "remaining",
    [TQ_QUERY_CANCEL_REQUESTS] = "cancel_requests",
    [TQ_QUERY_MAKE_DAYS] = "make_days",
    [TQ_QUERY_SETTLE_DAYS] = "settle_days",
    [TQ_QUERY_COMPACT_COUNTS] = "compact_counts",
    [TQ_QUERY_STATS] = "stats",
    [TQ_QUERY_FAILED_RELOADS] = "failed_reloads",
    [TQ_QUERY_UNHANDLED_TYPES] = "unhandled_types",
    [TQ_QUERY_ENQUEUE] = "enqueue",
    [TQ_QUERY_ENQUEUE_MANY] = "enqueue_many",
    [TQ_QUERY_ENQUEUE_TASK] = "enqueue_task",
    [TQ_QUERY_ENQUEUE_TASKS] = "enqueue_tasks",
    [TQ_QUERY_TASK] = "task",
    [TQ_QUERY_CANCEL] = "cancel",
    [TQ_QUERY_RETRY] = "retry",
    [TQ_QUERY_RETRY_MANY] = "retry_many",
    [TQ_QUERY_CLEANUP] = "cleanup",
    [TQ_QUERY_LIST] = "list",
    [TQ_QUERY_SHOW] = "show",
    [TQ_QUERY_HEAR] = "hear",
    [TQ_QUERY_CREATED] = "created",
    [TQ_QUERY_PUBLISH] = "publish",
    [TQ_QUERY_FOLLOW] = "follow",
    [TQ_QUERY_FOLLOWED] = "followed",
};
/* clang-format on */

const char *tq_query_name(enum tq_query query)
{
    return names[query];
}

const char *tq_query_text(enum tq_query query)
{
    char path[64];

    (void)snprintf(path, sizeof path, "sql/queries/%s.sql", names[query]);

    const struct tq_resource *file = tq_resource_find(path);

    if (file == NULL) {
        (void)fprintf(stderr, "taskq: %s is missing from TASKQ_RESOURCES\n", path);
        abort(); /* a broken installation of the developer's override, nothing else */
    }
    return file->text;
}
