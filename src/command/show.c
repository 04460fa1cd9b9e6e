// SPDX-License-Identifier: MIT
//
// taskq show.
#include <inttypes.h>
#include <stdio.h>

#include "command/command.h"
#include "command/database.h"
#include "command/print.h"
#include "command/task_ids.h"
#include "database/reader.h"

enum { KEY_WIDTH = 19 };

static void print(const struct tq_rows *rows)
{
    struct tq_shown shown;
    int32_t part = 0;

    for (size_t i = 0; i < tq_rows_count(rows); i++) {
        tq_reader_shown(rows, i, &shown);
        if (shown.part != part)
            (void)putchar('\n');
        part = shown.part;
        if (shown.key != NULL)
            (void)printf("%-*s  ", KEY_WIDTH, shown.key);
        tq_print_lines(stdout, shown.value, shown.key != NULL ? KEY_WIDTH + 2 : 0);
        (void)putchar('\n');
    }
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    struct tq_database database;
    struct tq_rows rows = {0};
    int64_t id;
    bool is_done;

    (void)code;
    if (call->argument_count == 0)
        return tq_err_set(err, TQ_ERR_USAGE, 0, "an id is missing: taskq show ID");
    if (!tq_task_id_parse(call->arguments[0], &id, err) ||
        !tq_database_open(call->common, "taskq show", &database, err))
        return false;
    is_done = tq_reader_show(database.session, id, call->common->is_json, &rows, err);
    if (is_done && tq_rows_count(&rows) == 0)
        is_done = tq_err_set(err, TQ_ERR_QUERY, 0, "there is no task %" PRId64, id);
    if (is_done)
        print(&rows);
    tq_rows_clear(&rows);
    tq_database_close(&database);
    return is_done;
}

const struct tq_command tq_command_show = {
    .name = "show",
    .usage = "ID [options]",
    .summary = "show a task and its attempts",
    .details =
        "Prints what is known of the task, then of each attempt that did not succeed, or said\n"
        "something.\n",
    .most_arguments = 1,
    .run = run,
};
