// SPDX-License-Identifier: MIT
//
// Brings the schema to the version that this program carries: each file of sql/migrations/ in a
// transaction of its own, then sql/functions/ when their text has changed, then the day partitions
// and the roles (sql/functions/grant_roles.sql).
// Any number of processes may do it at once: every transaction takes one advisory lock and looks
// again. When everything is in place it is one cheap query, without locks or writes.
#ifndef TQ_DATABASE_MIGRATE_H
#define TQ_DATABASE_MIGRATE_H

#include <stddef.h>

#include "base/error.h"
#include "database/session.h"

/* What this process did; other ones may have done the rest. */
struct tq_migration_report {
    int version;    /* that the schema has now */
    char **applied; /* names of migrations, in order: "0001_tasks" */
    size_t applied_count, applied_capacity;
    bool is_functions_applied;
    bool is_roles_granted;
    char *missing_roles; /* statements that an administrator must run; NULL: none */
};

/* Fills report, which starts zeroed and is the caller's to deinit, also after a failure. A schema
   that is newer than this program, and not breaking, is left alone. */
TQ_MUST_CHECK bool tq_migrate(struct tq_session *session, struct tq_migration_report *report,
                              struct tq_err *err);

void tq_migration_report_deinit(struct tq_migration_report *report);

#endif
