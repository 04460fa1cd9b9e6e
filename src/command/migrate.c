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
    if (report->is_roles_granted && !report->is_functions_applied)
        (void)printf("granted the roles what they need\n");
    (void)printf("the schema has version %d\n", report->version);
}

/* Nothing depends on the roles, so their lack is no failure. */
static void print_missing_roles(const struct tq_migration_report *report)
{
    if (report->missing_roles != NULL)
        (void)fprintf(stderr,
                      "taskq: the roles of taskq are not all there; if they are wanted, an "
                      "administrator must\nrun these statements, and then `taskq migrate` again:\n"
                      "%s\n",
                      report->missing_roles);
}

static bool run(const struct tq_call *call, enum tq_exit *code, struct tq_err *err)
{
    struct tq_database database;
    struct tq_migration_report report = {0};
    bool is_done;

    (void)code;
    if (!tq_database_open_unmigrated(call->common, "taskq migrate", &database, err))
        return false;
    is_done = tq_migrate(database.session, &report, err);
    if (is_done && call->common->is_json)
        print_json(&report);
    else if (is_done)
        print_text(&report);
    if (is_done)
        print_missing_roles(&report);
    tq_migration_report_deinit(&report);
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
