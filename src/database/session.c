// SPDX-License-Identifier: MIT
//
// The blocking connection.
#include "database/session.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

enum { LEAST_SERVER_VERSION = 150000, BINARY = 1 };

/* The hot statements must not depend on statistics: one generic plan, made of nested loops over
   index and TID scans, whether the table is empty, un-analyzed or huge. */
#define FIXED_PLANS                                                                                \
    "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; "                         \
    "set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off; "         \
    "set jit = off; "

#define COMMON                                                                                     \
    "set timezone = 'UTC'; set datestyle = 'ISO'; set client_min_messages = warning; "             \
    "set bytea_output = 'hex'; "

/* What `discard all` does, but for the plans of functions, which nobody can see; that command
   itself is refused beside others. */
#define RESET                                                                                      \
    "close all; set session authorization default; reset all; deallocate all; unlisten *; "        \
    "select pg_advisory_unlock_all(); discard temp; discard sequences; "

/* Settings of a kind, and the share of the lease that its timeout is. */
static const struct {
    const char *settings;
    const char *timeout; /* NULL: none */
    int lease_divisor;
} kinds[] = {
    [TQ_SESSION_COMMAND] = {COMMON, NULL, 1},
    [TQ_SESSION_CLAIM] = {COMMON FIXED_PLANS "set synchronous_commit = on; ", "statement_timeout",
                          2},
    [TQ_SESSION_COMPLETION] = {COMMON FIXED_PLANS
                               "set synchronous_commit = on; set lock_timeout = '50ms'; ",
                               "statement_timeout", 2},
    [TQ_SESSION_CONTROL] = {COMMON FIXED_PLANS "set lock_timeout = '50ms'; ", "statement_timeout",
                            10},
    [TQ_SESSION_HANDLER] = {COMMON "set synchronous_commit = on; ",
                            "idle_in_transaction_session_timeout", 1},
};

struct tq_session {
    PGconn *connection;
    bool is_prepared[TQ_QUERY_COUNT];
    int lengths[TQ_PARAMS_MAX], formats[TQ_PARAMS_MAX];
    const char *values[TQ_PARAMS_MAX];
};

static PGconn *connect_to(const struct tq_session_config *config)
{
    /* A later key wins: what conninfo says comes after our defaults. */
    const char *const keys[] = {
        "connect_timeout",  "keepalives_idle", "keepalives_interval",       "keepalives_count",
        "application_name", "dbname",          "fallback_application_name", NULL};
    const char *const values[] = {"5",     "5", "2", "3", config->name, config->conninfo,
                                  "taskq", NULL};

    return PQconnectdbParams(keys, values, 1);
}

static void add_settings(struct tq_buf *sql, const struct tq_session_config *config)
{
    tq_buf_add_text(sql, kinds[config->kind].settings);
    if (kinds[config->kind].timeout != NULL)
        tq_buf_addf(sql, "set %s = %" PRId64 ";", kinds[config->kind].timeout,
                    config->lease_ms / kinds[config->kind].lease_divisor);
}

static bool apply_settings(struct tq_session *session, const struct tq_session_config *config,
                           struct tq_err *err)
{
    struct tq_buf sql = {0};

    add_settings(&sql, config);

    bool is_applied = tq_session_run(session, sql.data, NULL, err);

    tq_buf_deinit(&sql);
    return is_applied;
}

char *tq_session_reset_text(const struct tq_session_config *config)
{
    struct tq_buf sql = {0};

    tq_buf_add_text(&sql, RESET);
    add_settings(&sql, config);
    return tq_buf_take(&sql);
}

/* What a server says beside its answers; libpq would print it. */
static void on_notice(void *arg, const char *message)
{
    (void)arg;
    tq_log(TQ_LOG_DEBUG, "database", "the server says", "notice=%s", message);
}

bool tq_session_open(const struct tq_session_config *config, struct tq_session **session,
                     struct tq_err *err)
{
    struct tq_session *made = tq_zalloc(sizeof *made);

    made->connection = connect_to(config);
    if (made->connection == NULL || PQstatus(made->connection) != CONNECTION_OK) {
        (void)tq_err_from_connection(err, made->connection, "cannot connect to the database");
        goto close;
    }
    (void)PQsetNoticeProcessor(made->connection, on_notice, NULL); /* returns the one before */
    if (PQserverVersion(made->connection) < LEAST_SERVER_VERSION) {
        (void)tq_err_set(err, TQ_ERR_SCHEMA, 0,
                         "the server is PostgreSQL %d; taskq needs 15 or newer: upgrade it",
                         PQserverVersion(made->connection) / 10000);
        goto close;
    }
    if (!apply_settings(made, config, err))
        goto close;
    *session = made;
    return true;

close:
    tq_session_close(made);
    return false;
}

void tq_session_close(struct tq_session *session)
{
    if (session == NULL)
        return;
    PQfinish(session->connection);
    free(session);
}

struct pg_conn *tq_session_take(struct tq_session *session)
{
    PGconn *connection = session->connection;

    free(session);
    return connection;
}

static bool is_fine(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* Takes result: hands it to rows, or frees it. */
static bool deliver(struct tq_session *session, PGresult *result, const char *doing,
                    struct tq_rows *rows, struct tq_err *err)
{
    if (result == NULL)
        return tq_err_from_connection(err, session->connection, doing);
    if (!is_fine(result)) {
        if (PQstatus(session->connection) != CONNECTION_OK)
            (void)tq_err_from_connection(err, session->connection, doing);
        else
            (void)tq_err_from_result(err, result, doing);
        PQclear(result);
        return false;
    }
    if (rows != NULL)
        rows->result = result;
    else
        PQclear(result);
    return true;
}

static bool prepare(struct tq_session *session, enum tq_query query, struct tq_err *err)
{
    const char *name = tq_query_name(query);

    if (session->is_prepared[query])
        return true;

    PGresult *result = PQprepare(session->connection, name, tq_query_text(query), 0, NULL);

    if (!deliver(session, result, name, NULL, err))
        return false;
    session->is_prepared[query] = true;
    return true;
}

bool tq_session_send(struct tq_session *session, enum tq_query query,
                     const struct tq_params *params, struct tq_err *err)
{
    int count = params != NULL ? params->count : 0;

    if (!prepare(session, query, err))
        return false;
    for (int i = 0; i < count; i++) {
        bool is_null = params->lengths[i] < 0;

        session->values[i] = is_null ? NULL : params->data.data + params->starts[i];
        session->lengths[i] = is_null ? 0 : params->lengths[i];
        session->formats[i] = BINARY;
    }
    if (PQsendQueryPrepared(session->connection, tq_query_name(query), count, session->values,
                            session->lengths, session->formats, BINARY) != 1)
        return tq_err_from_connection(err, session->connection, tq_query_name(query));
    return true;
}

bool tq_session_finish(struct tq_session *session, enum tq_query query, struct tq_rows *rows,
                       struct tq_err *err)
{
    PGresult *result = PQgetResult(session->connection), *extra;

    while ((extra = PQgetResult(session->connection)) != NULL)
        PQclear(extra);
    return deliver(session, result, tq_query_name(query), rows, err);
}

bool tq_session_query(struct tq_session *session, enum tq_query query,
                      const struct tq_params *params, struct tq_rows *rows, struct tq_err *err)
{
    return tq_session_send(session, query, params, err) &&
           tq_session_finish(session, query, rows, err);
}

bool tq_session_run(struct tq_session *session, const char *sql, struct tq_rows *rows,
                    struct tq_err *err)
{
    return deliver(session, PQexec(session->connection, sql), "the database refused a statement",
                   rows, err);
}

int tq_session_server_version(const struct tq_session *session)
{
    return PQserverVersion(session->connection);
}

char *tq_session_describe(const struct tq_session *session)
{
    const PGconn *connection = session->connection;
    const char *port = PQport(connection);

    return tq_format("postgresql://%s@%s%s%s/%s", PQuser(connection), PQhost(connection),
                     *port != '\0' ? ":" : "", port, PQdb(connection));
}
