// SPDX-License-Identifier: MIT
//
// taskq worker: its options, and a call of worker/worker.h.
#include "worker/worker.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "command/command.h"
#include "command/database.h"
#include "command/worker.h"
#include "server/private.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

#define CENTURY_MS (36525LL * DAY_MS)

#define AT(field) offsetof(struct tq_worker_options, field)

const struct tq_option tq_worker_command_options[] = {
    {"handlers", TQ_OPTION_TEXT, AT(handlers), "DIR", "JOB_HANDLERS", "./handlers", 0, 0,
     "the folder with the handlers"},
    {"concurrency", TQ_OPTION_INTEGER, AT(concurrency), "N", "JOB_CONCURRENCY", "5", 1, 100000,
     "how many tasks run at once"},
    {"task-types", TQ_OPTION_TEXTS, AT(task_types), "GLOB,...", "JOB_TASK_TYPES", NULL, 0, 0,
     "only types that match, such as 'email:*,report:*'"},
    {"allow-c-module", TQ_OPTION_TEXTS, AT(c_modules), "NAME,...", NULL, NULL, 0, 0,
     "modules written in C that handlers may load"},
    {"task-timeout", TQ_OPTION_DURATION, AT(task_timeout_ms), "DURATION", "JOB_TIMEOUT", "300000",
     1, 30LL * DAY_MS, "time limit of tasks whose handler has none"},
    {"worker-id", TQ_OPTION_TEXT, AT(name), "NAME", "JOB_WORKER_ID", NULL, 0, 0,
     "this worker's name (default HOST:PID)"},
    {"poll-interval", TQ_OPTION_DURATION, AT(poll_interval_ms), "DURATION", "JOB_POLL_INTERVAL",
     "1s", 1, HOUR_MS, "how often to look when nothing wakes it"},
    {"lock-duration", TQ_OPTION_DURATION, AT(lock_duration_ms), "DURATION", "JOB_LOCK_DURATION",
     "300000", 1000, DAY_MS,
     "after how long a silent worker has lost its tasks (at most 20s are used)"},
    {"stale-task-check-interval", TQ_OPTION_DURATION, AT(stale_check_interval_ms), "DURATION",
     "JOB_STALE_TASK_CHECK_INTERVAL", "60s", 100, DAY_MS,
     "how often to look for tasks of lost workers"},
    {"shutdown-timeout", TQ_OPTION_DURATION, AT(shutdown_timeout_ms), "DURATION",
     "JOB_SHUTDOWN_TIMEOUT", "30s", 0, DAY_MS,
     "how long running tasks may take to finish at the end"},
    {"keep-completed", TQ_OPTION_AGE, AT(retention.completed_ms), "AGE", "JOB_KEEP_COMPLETED", "7d",
     MINUTE_MS, CENTURY_MS, "how long completed tasks stay; `forever`: nothing removes them"},
    {"keep-failed", TQ_OPTION_AGE, AT(retention.failed_ms), "AGE", "JOB_KEEP_FAILED", "30d",
     MINUTE_MS, CENTURY_MS, "how long failed tasks stay"},
    {"keep-cancelled", TQ_OPTION_AGE, AT(retention.cancelled_ms), "AGE", "JOB_KEEP_CANCELLED",
     "30d", MINUTE_MS, CENTURY_MS, "how long cancelled tasks stay"},
    {"cleanup-interval", TQ_OPTION_DURATION, AT(cleanup_interval_ms), "DURATION",
     "JOB_CLEANUP_INTERVAL", "5m", 100, DAY_MS, "how often to look for what has become too old"},
    {"stuck-after", TQ_OPTION_DURATION, AT(stuck_after_ms), "DURATION", "JOB_STUCK_AFTER", "5s",
     100, HOUR_MS, "how long a handler may hold its thread in one call into C"},
    {"threads", TQ_OPTION_INTEGER, AT(threads), "N", "JOB_THREADS", "0", 0, 1024,
     "threads that run handlers; 0: one a core, at most the concurrency"},
    {"handler-connections", TQ_OPTION_INTEGER, AT(handler_connections), "N",
     "JOB_HANDLER_CONNECTIONS", "4", 1, 1000,
     "connections to the database that the handlers of a thread may have"},
    {"no-reload", TQ_OPTION_FLAG, AT(is_reload_off), NULL, NULL, NULL, 0, 0,
     "read the handlers again at SIGHUP only, not when their files change"},
    {"until-empty", TQ_OPTION_FLAG, AT(is_until_empty), NULL, NULL, NULL, 0, 0,
     "end when no task of its types is left, future ones included"},
    {"until-idle", TQ_OPTION_FLAG, AT(is_until_idle), NULL, NULL, NULL, 0, 0,
     "end when no task of its types is due or running"},
    {"pooler", TQ_OPTION_TEXT, AT(pooler), "MODE", "JOB_POOLER", NULL, 0, 0,
     "what a pooler before the database hands out: session or transaction"},
    {"listen-database", TQ_OPTION_TEXT, AT(listen_conninfo), "URL", "JOB_LISTEN_DATABASE", NULL, 0,
     0, "the database without that pooler, to be told of new tasks at once"},
    {0},
};

/* Unless it is said: a pooler that is noticed may be in any mode, so it is treated as the worst. */
static bool find_pooler(struct tq_worker_options *worker, struct tq_session *session,
                        struct tq_err *err)
{
    if (worker->pooler == NULL) {
        if (!tq_session_find_pooler(session, &worker->is_pooled, err))
            return false;
        if (worker->is_pooled)
            tq_log(TQ_LOG_INFO, "worker",
                   "there is a pooler before the database: no session is relied on "
                   "(--pooler session, if it is in that mode, saves planning and polling)",
                   "");
        return true;
    }
    worker->is_pooled = strcmp(worker->pooler, "transaction") == 0;
    return worker->is_pooled || strcmp(worker->pooler, "session") == 0 ||
           tq_err_set(err, TQ_ERR_USAGE, 0, "--pooler is session or transaction, not \"%s\"",
                      worker->pooler);
}

static char *revive(void *locator, struct tq_err *err)
{
    return tq_private_revive(locator, err);
}

bool tq_worker_command_run(const struct tq_call *call, const struct tq_worker_options *given,
                           enum tq_exit *code, struct tq_err *err)
{
    struct tq_worker_options worker = *given;
    struct tq_database database;
    bool is_ready;
    char *text;

    if (worker.is_until_empty && worker.is_until_idle)
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "--until-empty and --until-idle exclude each other");
    /* Says at once, and with an exit code, what a worker that reconnects for ever only logs. */
    if (!tq_database_open(call->common, "taskq worker", &database, err))
        return false;
    text = tq_database_describe(&database);
    is_ready = find_pooler(&worker, database.session, err);
    tq_database_disconnect(&database);
    if (is_ready) {
        worker.conninfo = database.conninfo;
        worker.database_text = text;
        worker.locate = database.private != NULL ? revive : NULL;
        worker.locator = database.private;
        *code = tq_worker_run(&worker);
    }
    free(text);
    tq_database_close(&database);
    return is_ready;
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    return tq_worker_command_run(call, call->options, code, err);
}

const struct tq_command tq_command_worker = {
    .name = "worker",
    .usage = "[options]",
    .summary = "run tasks",
    .details =
        "Runs tasks with the handlers of a folder until it gets SIGTERM or SIGINT: then it takes "
        "no\n"
        "more, and waits for those that run. A second signal interrupts them and gives them back.\n"
        "Durations and ages are milliseconds, or have a unit: 500ms, 30s, 5m, 2h, 7d. Options win "
        "over\n"
        "variables (in brackets), both over defaults.\n",
    .options = tq_worker_command_options,
    .options_size = sizeof(struct tq_worker_options),
    .run = run,
};
