// SPDX-License-Identifier: MIT
//
// taskq list.
#include <inttypes.h>
#include <stdio.h>

#include "command/command.h"
#include "command/database.h"
#include "command/print.h"
#include "command/task_ids.h"
#include "database/reader.h"

enum { LIMIT_MOST = 10000 };

struct list_options {
    const char *status, *type;
    int64_t limit, after;
};

#define AT(field) offsetof(struct list_options, field)

static const struct tq_option options[] = {
    {"status", TQ_OPTION_TEXT, AT(status), "STATUS", NULL, NULL, 0, 0,
     "only pending, running, completed, failed or cancelled ones"},
    {"type", TQ_OPTION_TEXT, AT(type), "GLOB", NULL, NULL, 0, 0,
     "only types that match, such as 'email:*'"},
    {"limit", TQ_OPTION_INTEGER, AT(limit), "N", NULL, "50", 1, LIMIT_MOST, "at most so many"},
    {"after", TQ_OPTION_INTEGER, AT(after), "ID", NULL, NULL, 1, INT64_MAX,
     "go on after this task, the last one of the page before"},
    {0},
};

static void print_documents(const struct tq_rows *rows)
{
    struct tq_listed listed;

    (void)putchar('[');
    for (size_t i = 0; i < tq_rows_count(rows); i++) {
        tq_reader_listed(rows, i, &listed);
        (void)fputs(i > 0 ? ",\n" : "", stdout);
        tq_print_lines(stdout, listed.document, 0);
    }
    (void)puts("]");
}

static void print_table(const struct tq_rows *rows)
{
    struct tq_listed listed;
    char attempts[32];

    if (tq_rows_count(rows) > 0)
        (void)printf("%12s  %-9s  %8s  %8s  %-20s  %s\n", "id", "status", "priority", "attempts",
                     "scheduled_at", "type");
    for (size_t i = 0; i < tq_rows_count(rows); i++) {
        tq_reader_listed(rows, i, &listed);
        (void)snprintf(attempts, sizeof attempts,
                       listed.max_attempts > 0 ? "%" PRId32 "/%" PRId32 : "%" PRId32,
                       listed.attempts, listed.max_attempts);
        (void)printf("%12" PRId64 "  %-9s  %8" PRId32 "  %8s  %-20s  ", listed.id, listed.status,
                     listed.priority, attempts, listed.scheduled_at);
        tq_print_text(stdout, listed.type);
        (void)putchar('\n');
    }
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    const struct list_options *o = call->options;
    const struct tq_page page = {o->status, o->type, (int32_t)o->limit, o->after};
    struct tq_database database;
    struct tq_rows rows = {0};
    bool is_done;

    (void)code;
    if (!tq_task_status_check(o->status, "pending, running, completed, failed, cancelled", err) ||
        !tq_database_open(call->common, "taskq list", &database, err))
        return false;
    is_done = tq_reader_list(database.session, &page, call->common->is_json, &rows, err);
    if (is_done && call->common->is_json)
        print_documents(&rows);
    else if (is_done)
        print_table(&rows);
    tq_rows_clear(&rows);
    tq_database_close(&database);
    return is_done;
}

const struct tq_command tq_command_list = {
    .name = "list",
    .usage = "[options]",
    .summary = "list tasks, the newest first",
    .details = "The next page begins --after the last id of the one before.\n",
    .options = options,
    .options_size = sizeof(struct list_options),
    .run = run,
};
