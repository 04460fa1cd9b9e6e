// SPDX-License-Identifier: MIT
//
// taskq migrate.
#include <stdio.h>
#include <stdlib.h>

#include "command/command.h"
#include "command/database.h"
#include "database/migrate.h"

static void print_json(const struct tq_migration_report *report)
{
    (void)printf("{\"version\":%d,\"applied\":[", report->version);
    for (size_t i = 0; i < report->applied_count; i++)
        (void)printf("%s\"%s\"", i > 0 ? "," : "", report->applied[i]);
    (void)printf("],\"functions_applied\":%s}\n", report->is_functions_applied ? "true" : "false");
}

static void print_text(const struct tq_migration_report *report)
{
    for (size_t i = 0; i < report->applied_count; i++)
        (void)printf("applied %s\n", report->applied[i]);
    if (report->is_functions_applied)
        (void)printf("applied the functions\n");
    (void)printf("the schema has version %d\n", report->version);
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    struct tq_database database;
    struct tq_session *session;
    struct tq_migration_report report = {0};
    bool is_done = false;

    (void)code;
    if (!tq_database_open(call->common, &database, err))
        return false;
    if (!tq_database_connect(&database, "taskq migrate", &session, err))
        goto close_database;
    is_done = tq_migrate(session, &report, err);
    if (is_done && call->common->is_json)
        print_json(&report);
    else if (is_done)
        print_text(&report);
    tq_migration_report_deinit(&report);
    tq_session_close(session);
close_database:
    tq_database_close(&database);
    return is_done;
}

const struct tq_command tq_command_migrate = {
    .name = "migrate",
    .usage = "[options]",
    .summary = "bring the schema of the database up to date",
    .details = "Creates the schema `taskq`, or brings it to the version of this program; does "
               "nothing when\n"
               "that is the case already. Any number of processes may do it at once.\n",
    .run = run,
};
