// SPDX-License-Identifier: MIT
//
// Choosing the database.
#include "command/database.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "database/migrate.h"
#include "database/schema.h"
#include "server/private.h"

#define HOME "./.taskq"

/* Variables that tell libpq where to go; each of them rules out the private database. */
static const char *const places[] = {
    "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE", NULL,
};

static bool has_place(void)
{
    for (const char *const *name = places; *name != NULL; name++) {
        const char *value = getenv(*name);

        if (value != NULL && *value != '\0')
            return true;
    }
    return false;
}

/* libpq would take any other text for the name of a database on this machine. It is not repeated
   here: it may hold a password. */
static bool check_form(const char *text, struct tq_err *err)
{
    const char *scheme = strstr(text, "://"), *pair = strchr(text, '=');

    if (strncmp(text, "postgres://", 11) == 0 || strncmp(text, "postgresql://", 13) == 0 ||
        (pair != NULL && (scheme == NULL || pair < scheme)))
        return true;
    return tq_err_set(err, TQ_ERR_USAGE, 0,
                      "--database or DATABASE_URL is neither a URL, such as "
                      "postgresql://user@host/name, nor pairs, such as host=/tmp dbname=name");
}

static bool choose(const struct tq_common *common, struct tq_database *database, struct tq_err *err)
{
    *database = (struct tq_database){.conninfo = ""};
    if (common->database != NULL) {
        database->conninfo = common->database;
        return check_form(common->database, err);
    }
    if (has_place())
        return true;

    const char *home = getenv("TASKQ_HOME");
    char *folder = tq_format("%s/pg", home != NULL && *home != '\0' ? home : HOME);
    bool is_open = tq_private_open(folder, &database->private, err);

    free(folder);
    if (is_open)
        database->conninfo = tq_private_conninfo(database->private);
    return is_open;
}

bool tq_database_open_unmigrated(const struct tq_common *common, const char *name,
                                 struct tq_database *database, struct tq_err *err)
{
    if (!choose(common, database, err))
        return false;

    const struct tq_session_config config = {
        .conninfo = database->conninfo,
        .name = name,
        .kind = TQ_SESSION_COMMAND,
    };

    if (tq_session_open(&config, &database->session, err))
        return true;
    tq_database_close(database);
    return false;
}

static bool migrate(struct tq_session *session, struct tq_err *err)
{
    struct tq_migration_report report = {0};
    bool is_done = tq_migrate(session, &report, err);

    tq_migration_report_deinit(&report);
    return is_done;
}

bool tq_database_open(const struct tq_common *common, const char *name,
                      struct tq_database *database, struct tq_err *err)
{
    if (!tq_database_open_unmigrated(common, name, database, err))
        return false;
    if (database->private != NULL ? migrate(database->session, err)
                                  : tq_schema_check(database->session, err))
        return true;
    tq_database_close(database);
    return false;
}

void tq_database_disconnect(struct tq_database *database)
{
    tq_session_close(database->session);
    database->session = NULL;
}

void tq_database_close(struct tq_database *database)
{
    tq_database_disconnect(database);
    if (database->private != NULL)
        tq_private_close(database->private);
}

char *tq_database_describe(const struct tq_database *database)
{
    if (database->private != NULL)
        return tq_strdup(tq_private_describe(database->private));
    return tq_session_describe(database->session);
}
