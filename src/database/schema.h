// SPDX-License-Identifier: MIT
//
// Whether the schema in the database is one that this program can work with. The migrations that
// the program carries say what it needs; the table taskq.migrations says what the database has:
//
//     database              program
//     no schema, or older   refuses: run `taskq migrate`
//     the same              works
//     newer, no migration   works: what was added since is none of its business
//       above ours breaking
//     newer, one breaking   refuses: update taskq
//     one of ours missing   refuses: a build that lacked it, being developed, has migrated the
//       below its newest    database, and whether it fits after the others, nobody knows
#ifndef TQ_DATABASE_SCHEMA_H
#define TQ_DATABASE_SCHEMA_H

#include "base/error.h"
#include "database/session.h"

struct tq_schema {
    int version;          /* the newest migration applied; 0: none */
    int breaking_version; /* the newest of them that older programs cannot live with */
    int missing_version;  /* the oldest one below that was not applied; 0: none */
    char functions[17];   /* which text of sql/functions/ is in place; "": none */
    bool has_new_roles;   /* a role of taskq exists that was given nothing here yet */
};

/* What the database has. */
TQ_MUST_CHECK bool tq_schema_read(struct tq_session *session, struct tq_schema *schema,
                                  struct tq_err *err);

/* The version of the newest migration that the program carries. */
int tq_schema_version(void);

/* False (TQ_ERR_SCHEMA) when what was applied is too new for this program, or has a gap. */
TQ_MUST_CHECK bool tq_schema_check_history(const struct tq_schema *schema, struct tq_err *err);

/* Reads and judges: one cheap query. Fits struct tq_connection_config's check. */
TQ_MUST_CHECK bool tq_schema_check(struct tq_session *session, struct tq_err *err);

#endif
