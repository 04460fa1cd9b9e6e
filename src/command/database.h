// SPDX-License-Identifier: MIT
//
// Which database a command works with: --database, else DATABASE_URL, else what the PG* variables
// of libpq say, else the private one in ./.taskq/pg (or TASKQ_HOME/pg), which is started when
// nobody runs it and which migrates itself. Any other must have been migrated.
#ifndef TQ_COMMAND_DATABASE_H
#define TQ_COMMAND_DATABASE_H

#include "command/command.h"
#include "database/session.h"

struct tq_private;

struct tq_database {
    const char *conninfo;       /* "" leaves everything to PG* variables */
    struct tq_private *private; /* owned; NULL: not the private one */
    struct tq_session *session; /* owned; of the command */
};

/* Chooses the database, starts the private one when it is chosen and down, and connects as `name`;
   the schema is one that this program can work with. While *database is open, the private one stays
   up. */
TQ_MUST_CHECK bool tq_database_open(const struct tq_common *common, const char *name,
                                    struct tq_database *database, struct tq_err *err);

/* Likewise, whatever the schema is. */
TQ_MUST_CHECK bool tq_database_open_unmigrated(const struct tq_common *common, const char *name,
                                               struct tq_database *database, struct tq_err *err);

/* Ends the session alone. */
void tq_database_disconnect(struct tq_database *database);
void tq_database_close(struct tq_database *database);

/* What people call it: a URL without password, or the private one's folder. Freed by the caller. */
char *tq_database_describe(const struct tq_database *database);

#endif
