// SPDX-License-Identifier: MIT
//
// The migration runner.
#include "database/migrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/resource.h"
#include "database/schema.h"

#define MIGRATIONS "sql/migrations/"
#define FUNCTIONS "sql/functions/"
#define BREAKING "-- breaking: yes\n"
#define MAY_NOT "42501"

/* One migrating process at a time; the lock goes with the transaction, so it works behind
 * PgBouncer. */
#define BEGIN "begin; select pg_advisory_xact_lock(hashtext('taskq.migrate'));\n"

static void roll_back(struct tq_session *session)
{
    struct tq_err ignored; /* the first error is the cause; the server rolls back anyway */

    if (!tq_session_run(session, "rollback", NULL, &ignored))
        return;
}

/* Runs sql, which begins a transaction, to its end; takes the transaction back when it fails. */
static bool run(struct tq_session *session, const char *sql, struct tq_err *err)
{
    if (tq_session_run(session, sql, NULL, err))
        return true;
    roll_back(session);
    return false;
}

/* "0001_tasks" of a migration's path; freed by the caller. */
static char *migration_name(const struct tq_resource *file)
{
    const char *base = file->path + strlen(MIGRATIONS);

    return tq_memdup(base, strlen(base) - strlen(".sql"));
}

/* Begins the transaction and reads the version again: somebody may have been faster. */
static bool begin(struct tq_session *session, struct tq_schema *schema, struct tq_err *err)
{
    if (!run(session, BEGIN, err))
        return false;
    if (tq_schema_read(session, schema, err))
        return true;
    roll_back(session);
    return false;
}

static bool apply_migration(struct tq_session *session, const struct tq_resource *file,
                            struct tq_migration_report *report, struct tq_err *err)
{
    int version = atoi(file->path + strlen(MIGRATIONS));
    bool is_breaking = strncmp(file->text, BREAKING, strlen(BREAKING)) == 0;
    char *name = migration_name(file);
    struct tq_schema schema;
    struct tq_buf sql = {0};
    bool is_done = false;

    if (!begin(session, &schema, err))
        goto free_name;
    if (schema.version >= version) {
        is_done = run(session, "commit", err);
        goto free_name;
    }
    tq_buf_add(&sql, file->text, file->len);
    tq_buf_addf(&sql,
                ";\ninsert into taskq.migrations (version, name, is_breaking) "
                "values (%d, '%s', %s);\ncommit",
                version, name, is_breaking ? "true" : "false");
    is_done = run(session, sql.data, err);
    tq_buf_deinit(&sql);
    if (!is_done) {
        (void)tq_err_prefix(err, "migration %s", name);
        goto free_name;
    }

    report->applied =
        tq_grow(report->applied, &report->applied_capacity, report->applied_count + 1, sizeof name);
    report->applied[report->applied_count++] = name;
    return true;

free_name:
    free(name);
    return is_done;
}

static bool apply_migrations(struct tq_session *session, struct tq_migration_report *report,
                             struct tq_err *err)
{
    size_t index = 0;

    for (const struct tq_resource *file; (file = tq_resource_next(MIGRATIONS, &index)) != NULL;) {
        if (atoi(file->path + strlen(MIGRATIONS)) == 0) {
            char *sql = tq_format(BEGIN "%s; commit", file->text);
            bool is_done = run(session, sql, err);

            free(sql);
            if (!is_done)
                return false;
        } else if (!apply_migration(session, file, report, err)) {
            return false;
        }
    }
    return true;
}

/* Names the text of sql/functions/: FNV-1a, because nobody attacks it. */
static void hash_functions(char hash[17])
{
    uint64_t value = UINT64_C(14695981039346656037);
    size_t index = 0;

    for (const struct tq_resource *file; (file = tq_resource_next(FUNCTIONS, &index)) != NULL;) {
        for (size_t i = 0; i < file->len; i++)
            value = (value ^ (unsigned char)file->text[i]) * UINT64_C(1099511628211);
    }
    (void)snprintf(hash, 17, "%016" PRIx64, value);
}

/* sql/functions/, and what must be done after it; the transaction stays open. */
static bool run_functions(struct tq_session *session, const char *hash, struct tq_err *err)
{
    struct tq_buf sql = {0};
    size_t index = 0;

    for (const struct tq_resource *file; (file = tq_resource_next(FUNCTIONS, &index)) != NULL;)
        tq_buf_addf(&sql, "%s;\n", file->text);
    tq_buf_addf(&sql,
                "delete from taskq.applied_functions; "
                "insert into taskq.applied_functions (text_hash) values ('%s'); "
                "select taskq.make_days()",
                hash);

    bool is_done = tq_session_run(session, sql.data, NULL, err);

    tq_buf_deinit(&sql);
    return is_done || tq_err_prefix(err, "the functions of taskq");
}

/* *missing: statements for an administrator, freed by the caller, or NULL. */
static bool grant_roles(struct tq_session *session, char **missing, struct tq_err *err)
{
    struct tq_rows rows = {0};

    if (!tq_session_run(session, "select taskq.grant_roles()", &rows, err))
        return tq_err_prefix(err, "the roles of taskq");
    if (!tq_rows_is_null(&rows, 0, 0))
        *missing = tq_format("%s", tq_rows_text(&rows, 0, 0));
    tq_rows_clear(&rows);
    return true;
}

static bool apply_functions(struct tq_session *session, const char *hash,
                            struct tq_migration_report *report, struct tq_err *err)
{
    struct tq_schema schema;

    if (!begin(session, &schema, err))
        return false;

    bool is_current = strcmp(schema.functions, hash) == 0;

    if (is_current && !schema.has_new_roles)
        return run(session, "commit", err);
    if ((!is_current && !run_functions(session, hash, err)) ||
        !grant_roles(session, &report->missing_roles, err)) {
        roll_back(session);
        return false;
    }
    report->is_functions_applied = !is_current;
    report->is_roles_granted = true;
    return run(session, "commit", err);
}

/* Whoever lacks the right to create learns which statement gives it. */
static void explain_refusal(struct tq_session *session, struct tq_err *err)
{
    struct tq_rows rows = {0};
    struct tq_err ignored;

    if (strcmp(err->sqlstate, MAY_NOT) != 0 ||
        !tq_session_run(session,
                        "select current_user, format('grant create on database %I to %I', "
                        "current_database(), current_user)",
                        &rows, &ignored))
        return;
    (void)tq_err_set(
        err, TQ_ERR_QUERY, 0,
        "the role %s may not create the schema of taskq: run `taskq migrate` once as the "
        "database's owner, or run there: %s",
        tq_rows_text(&rows, 0, 0), tq_rows_text(&rows, 0, 1));
    tq_rows_clear(&rows);
}

bool tq_migrate(struct tq_session *session, struct tq_migration_report *report, struct tq_err *err)
{
    struct tq_schema schema;
    char hash[17];
    int ours = tq_schema_version();

    if (!tq_schema_read(session, &schema, err) || !tq_schema_check_history(&schema, err))
        return false;
    hash_functions(hash);
    report->version = schema.version;
    if (schema.version > ours ||
        (schema.version == ours && strcmp(schema.functions, hash) == 0 && !schema.has_new_roles))
        return true;
    if (!apply_migrations(session, report, err) || !apply_functions(session, hash, report, err)) {
        explain_refusal(session, err);
        return false;
    }
    report->version = ours;
    return true;
}

void tq_migration_report_deinit(struct tq_migration_report *report)
{
    for (size_t i = 0; i < report->applied_count; i++)
        free(report->applied[i]);
    free(report->applied);
    free(report->missing_roles);
    *report = (struct tq_migration_report){0};
}
