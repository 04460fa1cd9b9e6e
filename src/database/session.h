// SPDX-License-Identifier: MIT
//
// A blocking connection to the database: what commands use from start to end, and how the
// connections of a worker begin (in a thread of libuv's pool, because looking up names and trying
// hosts blocks). libpq does the connecting, so several hosts, service files, TLS and
// target_session_attrs all work.
#ifndef TQ_DATABASE_SESSION_H
#define TQ_DATABASE_SESSION_H

#include "base/error.h"
#include "database/params.h"
#include "database/query.h"
#include "database/rows.h"

struct tq_session;

/* What a session is for decides its settings; see session.c. */
enum tq_session_kind {
    TQ_SESSION_COMMAND,    /* nothing special */
    TQ_SESSION_CLAIM,      /* plans fixed, statement timeout below the lease */
    TQ_SESSION_COMPLETION, /* likewise, and a lock timeout */
    TQ_SESSION_CONTROL,    /* statement timeout of a tenth of the lease */
    TQ_SESSION_HANDLER,    /* plans are the server's; a transaction may idle as long as the lease */
};

struct tq_session_config {
    const char *conninfo; /* URL or key=value; "" leaves everything to PG* variables */
    const char *name;     /* application_name */
    enum tq_session_kind kind;
    int64_t lease_ms; /* for the timeouts of the worker's kinds */
    bool is_pooled;   /* nothing of a session stays: a pooler gives each transaction another one */
};

/* Connects (5 s a host unless connect_timeout says otherwise), checks that the server is PostgreSQL
   15 or newer, and applies the settings. Does not look at the schema; see database/schema.h. */
TQ_MUST_CHECK bool tq_session_open(const struct tq_session_config *config,
                                   struct tq_session **session, struct tq_err *err);
void tq_session_close(struct tq_session *session);

/* Runs one of sql/queries/. params, whose memory it frees, may be NULL: there are none. rows may be
   NULL; else the caller clears it. */
TQ_MUST_CHECK bool tq_session_query(struct tq_session *session, enum tq_query query,
                                    struct tq_params *params, struct tq_rows *rows,
                                    struct tq_err *err);

/* Runs SQL text without parameters, of one or several statements; the last one's rows, in text. */
TQ_MUST_CHECK bool tq_session_run(struct tq_session *session, const char *sql, struct tq_rows *rows,
                                  struct tq_err *err);

/* As tq_session_query(), in two halves: send returns as soon as the statement is on its way, finish
   waits for the answer. One at a time; finish must follow send. */
TQ_MUST_CHECK bool tq_session_send(struct tq_session *session, enum tq_query query,
                                   struct tq_params *params, struct tq_err *err);
TQ_MUST_CHECK bool tq_session_finish(struct tq_session *session, enum tq_query query,
                                     struct tq_rows *rows, struct tq_err *err);

/* The settings of a kind for one transaction: a statement to be run at its start. Freed by the
   caller. For sessions that are pooled, to which none are applied. */
char *tq_session_local_settings(const struct tq_session_config *config);

/* SQL that begins a transaction of a session of that kind, pooled or not. Freed by the caller. */
char *tq_session_begin_text(const struct tq_session_config *config);

/* Whether somebody between us and the server hands out servers: the backend that answers is not the
   one that the connection began with. Such a pooler may be in session mode. */
TQ_MUST_CHECK bool tq_session_find_pooler(struct tq_session *session, bool *is_pooled,
                                          struct tq_err *err);

/* Where it is connected, for people: "postgresql://user@host:port/db", never with a password. Freed
   by the caller. */
char *tq_session_describe(const struct tq_session *session);

/* SQL that makes a session of that kind as it was when it was opened: whatever was set, prepared,
   locked, listened to or created for the session is gone. Freed by the caller. */
char *tq_session_reset_text(const struct tq_session_config *config);

/* Gives the connection away and frees the session: for database/connection.c. */
struct pg_conn *tq_session_take(struct tq_session *session);

#endif
