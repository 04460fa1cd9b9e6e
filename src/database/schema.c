// SPDX-License-Identifier: MIT
//
// Reading the schema's version and judging it.
#include "database/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/resource.h"

#define MIGRATIONS "sql/migrations/"
#define NO_SUCH_TABLE "42P01"

static const char read_schema[] =
    "select coalesce(max(version), 0), coalesce(max(version) filter (where is_breaking), 0), "
    "coalesce((select text_hash from taskq.applied_functions), ''), "
    "exists (select from pg_catalog.pg_roles where rolname in "
    "('taskq_producer', 'taskq_worker', 'taskq_reader', 'taskq_admin') "
    "and not has_schema_privilege(oid, 'taskq', 'usage')), "
    "coalesce((select min(n) from generate_series(1, max(m.version)) n "
    "where not exists (select from taskq.migrations a where a.version = n)), 0) "
    "from taskq.migrations m";

bool tq_schema_read(struct tq_session *session, struct tq_schema *schema, struct tq_err *err)
{
    struct tq_rows rows = {0};

    *schema = (struct tq_schema){0};
    if (!tq_session_run(session, read_schema, &rows, err)) {
        if (strcmp(err->sqlstate, NO_SUCH_TABLE) != 0)
            return false;
        *err = (struct tq_err){0}; /* an answer, not an error */
        return true;
    }
    schema->version = atoi(tq_rows_text(&rows, 0, 0));
    schema->breaking_version = atoi(tq_rows_text(&rows, 0, 1));
    (void)snprintf(schema->functions, sizeof schema->functions, "%s", tq_rows_text(&rows, 0, 2));
    schema->has_new_roles = *tq_rows_text(&rows, 0, 3) == 't';
    schema->missing_version = atoi(tq_rows_text(&rows, 0, 4));
    tq_rows_clear(&rows);
    return true;
}

int tq_schema_version(void)
{
    size_t index = 0;
    int newest = 0;

    for (const struct tq_resource *file; (file = tq_resource_next(MIGRATIONS, &index)) != NULL;)
        newest = atoi(file->path + strlen(MIGRATIONS));
    return newest;
}

/* The path of a migration that the program carries, or NULL. */
static const char *migration_path(int version)
{
    size_t index = 0;

    for (const struct tq_resource *file; (file = tq_resource_next(MIGRATIONS, &index)) != NULL;) {
        if (atoi(file->path + strlen(MIGRATIONS)) == version)
            return file->path;
    }
    return NULL;
}

bool tq_schema_check_history(const struct tq_schema *schema, struct tq_err *err)
{
    int ours = tq_schema_version(), missing = schema->missing_version;
    const char *path = missing > 0 ? migration_path(missing) : NULL;

    if (path != NULL)
        return tq_err_set(err, TQ_ERR_SCHEMA, 0,
                          "the schema has version %d, but not migration %d: a taskq that lacked it "
                          "has migrated this database. Apply %s by hand and record it in "
                          "taskq.migrations, or begin with a new database",
                          schema->version, missing, path);
    if (schema->breaking_version > ours)
        return tq_err_set(err, TQ_ERR_SCHEMA, 0,
                          "the schema has version %d and this taskq (" TASKQ_VERSION
                          ") knows versions up to %d: update taskq",
                          schema->version, ours);
    return true;
}

bool tq_schema_check(struct tq_session *session, struct tq_err *err)
{
    struct tq_schema schema;
    int ours = tq_schema_version();

    if (!tq_schema_read(session, &schema, err))
        return false;
    if (schema.version == 0)
        return tq_err_set(err, TQ_ERR_SCHEMA, 0,
                          "the database has no schema of taskq yet: run `taskq migrate`");
    if (schema.version < ours)
        return tq_err_set(err, TQ_ERR_SCHEMA, 0,
                          "the schema has version %d and this taskq (" TASKQ_VERSION
                          ") needs version %d: run `taskq migrate`",
                          schema.version, ours);
    return tq_schema_check_history(&schema, err);
}
