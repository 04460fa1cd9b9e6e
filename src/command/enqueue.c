// SPDX-License-Identifier: MIT
//
// taskq enqueue: one task from arguments; many from a file, see enqueue_lines.c.
#include "command/enqueue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "command/command.h"
#include "command/database.h"
#include "command/moment.h"
#include "command/print.h"
#include "command/task_line.h"
#include "database/producer.h"

struct enqueue_options {
    int64_t priority, max_attempts, in_ms;
    const char *at, *from;
    bool is_partial;
};

#define AT(field) offsetof(struct enqueue_options, field)
#define YEAR_MS (366LL * 24 * 3600 * 1000)

static const struct tq_option options[] = {
    {"priority", TQ_OPTION_INTEGER, AT(priority), "N", NULL, "0", TQ_TASK_PRIORITY_LEAST,
     TQ_TASK_PRIORITY_MOST, "tasks with a higher one run first"},
    {"max-attempts", TQ_OPTION_INTEGER, AT(max_attempts), "N", NULL, NULL, 1,
     TQ_TASK_MAX_ATTEMPTS_MOST, "how often it may be tried (default: the handler's, else 3)"},
    {"at", TQ_OPTION_TEXT, AT(at), "TIME", NULL, NULL, 0, 0,
     "not before this time: 2026-11-24T09:30:00+01:00"},
    {"in", TQ_OPTION_DURATION, AT(in_ms), "DURATION", NULL, NULL, 0, 100 * YEAR_MS,
     "not before this much time has passed: 30s, 5m, 2h, 7d"},
    {"from", TQ_OPTION_TEXT, AT(from), "FILE", NULL, NULL, 0, 0,
     "many tasks, one JSON object a line; - is standard input"},
    {"partial", TQ_OPTION_FLAG, AT(is_partial), NULL, NULL, NULL, 0, 0,
     "with --from: enqueue the good lines, skip the bad ones"},
    {0},
};

static bool check_arguments(const struct tq_call *call, struct tq_err *err)
{
    const struct enqueue_options *o = call->options;
    bool is_many = o->from != NULL;

    if (is_many && call->argument_count > 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "--from and TYPE (\"%s\") exclude each other",
                          call->arguments[0]);
    if (is_many && (o->priority != 0 || o->max_attempts != 0 || o->at != NULL || o->in_ms != 0))
        return tq_err_set(
            err, TQ_ERR_USAGE, 0,
            "--priority, --max-attempts, --at and --in belong into the lines of --from");
    if (!is_many && o->is_partial)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "--partial needs --from");
    if (!is_many && call->argument_count == 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0,
                          "TYPE is missing: taskq enqueue TYPE [PAYLOAD], or --from FILE");
    if (o->at != NULL && o->in_ms != 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "--at and --in exclude each other");
    return true;
}

static bool read_task(const struct tq_call *call, struct tq_new_task *task, struct tq_err *err)
{
    const struct enqueue_options *o = call->options;

    *task = (struct tq_new_task){
        .type = call->arguments[0],
        .payload = call->argument_count > 1 ? call->arguments[1] : NULL,
        .priority = (int32_t)o->priority,
        .max_attempts = (int32_t)o->max_attempts,
        .delay_us = o->in_ms * 1000,
    };
    if (!tq_task_type_check(task->type, err))
        return false;
    if (task->payload != NULL) {
        task->payload_len = strlen(task->payload);
        if (!tq_task_payload_check(task->payload, task->payload_len, err))
            return false;
    }
    task->is_scheduled = o->at != NULL;
    return o->at == NULL || tq_moment_parse("at", o->at, &task->scheduled_at, err);
}

/* One transaction, so that the row is printed as it was when it came in. */
static bool enqueue_and_show(struct tq_session *session, const struct tq_new_task *task,
                             struct tq_err *err)
{
    struct tq_rows rows = {0};
    int64_t id;

    if (!tq_session_run(session, "begin", NULL, err) ||
        !tq_producer_enqueue(session, task, &id, err) ||
        !tq_producer_read_task(session, id, &rows, err))
        return false;

    bool is_done = tq_session_run(session, "commit", NULL, err);

    if (is_done) {
        tq_print_lines(stdout, tq_rows_text(&rows, 0, 0), 0);
        (void)putchar('\n');
    }
    tq_rows_clear(&rows);
    return is_done;
}

static bool enqueue_one(const struct tq_common *common, struct tq_session *session,
                        const struct tq_new_task *task, struct tq_err *err)
{
    int64_t id;

    if (common->is_json)
        return enqueue_and_show(session, task, err);
    if (!tq_producer_enqueue(session, task, &id, err))
        return false;
    (void)printf("%" PRId64 "\n", id);
    return true;
}

static bool enqueue_many(const struct tq_call *call, struct tq_session *session,
                         struct tq_line_reader *reader, enum tq_exit *code, struct tq_err *err)
{
    const struct enqueue_options *o = call->options;
    struct tq_enqueued enqueued = {0};
    int64_t start_us = tq_clock_us();

    if (!tq_enqueue_lines(session, reader, o->is_partial, &enqueued, err))
        return false;

    double seconds = (double)(tq_clock_us() - start_us + 1) / 1e6;

    (void)fprintf(stderr, "enqueued %" PRId64 " tasks in %.2f s (%.0f a second)\n", enqueued.tasks,
                  seconds, (double)enqueued.tasks / seconds);
    if (enqueued.skipped > 0) {
        (void)fprintf(stderr, "taskq: %" PRId64 " lines were skipped\n", enqueued.skipped);
        *code = TQ_EXIT_FAILED;
    }
    if (call->common->is_json)
        (void)printf("{\"enqueued\":%" PRId64 ",\"skipped\":%" PRId64 "}\n", enqueued.tasks,
                     enqueued.skipped);
    return true;
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    const struct enqueue_options *o = call->options;
    struct tq_database database;
    struct tq_line_reader reader;
    struct tq_new_task task;
    bool is_done = false;

    if (!check_arguments(call, err) || (o->from == NULL && !read_task(call, &task, err)))
        return false;
    if (o->from != NULL && !tq_line_reader_open(&reader, o->from, TQ_TASK_LINE_MOST_BYTES, err))
        return false;
    if (!tq_database_open(call->common, "taskq enqueue", &database, err))
        goto close_reader;
    is_done = o->from != NULL ? enqueue_many(call, database.session, &reader, code, err)
                              : enqueue_one(call->common, database.session, &task, err);
    tq_database_close(&database);
close_reader:
    if (o->from != NULL)
        tq_line_reader_close(&reader);
    return is_done;
}

const struct tq_command tq_command_enqueue = {
    .name = "enqueue",
    .usage = "TYPE [PAYLOAD] [options]\n       taskq enqueue --from FILE [--partial]",
    .summary = "put tasks into the queue",
    .details =
        "Enqueues a task of TYPE and prints its id. PAYLOAD is any JSON, {} when left out.\n\n"
        "With --from, FILE has one task a line: a JSON object with type, and perhaps payload,\n"
        "priority, max_attempts and scheduled_at. Either all lines are enqueued or none; with\n"
        "--partial they are committed in batches and bad lines are reported and skipped.\n",
    .options = options,
    .options_size = sizeof(struct enqueue_options),
    .most_arguments = 2,
    .run = run,
};
