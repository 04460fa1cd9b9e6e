// SPDX-License-Identifier: MIT
//
// The blocking connection.
#include "database/session.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

enum { LEAST_SERVER_VERSION = 150000, BINARY = 1 };

enum group { TIMES = 1, TEXTS = 2, PLANS = 4, DURABLE = 8, IMPATIENT = 16 };

static const struct {
    enum group group;
    const char *name, *value;
} settings[] = {
    {TIMES, "timezone", "UTC"},
    {TIMES, "datestyle", "ISO"},
    {TEXTS, "client_min_messages", "warning"},
    {TEXTS, "bytea_output", "hex"},
    /* The hot statements must not depend on statistics: one generic plan, made of nested loops over
       index and TID scans, whether the table is empty, un-analyzed or huge. */
    {PLANS, "plan_cache_mode", "force_generic_plan"},
    {PLANS, "enable_seqscan", "off"},
    {PLANS, "enable_bitmapscan", "off"},
    {PLANS, "enable_hashjoin", "off"},
    {PLANS, "enable_mergejoin", "off"},
    {PLANS, "jit", "off"},
    {DURABLE, "synchronous_commit", "on"},
    {IMPATIENT, "lock_timeout", "50ms"},
};

/* What `discard all` does, but for the plans of functions, which nobody can see; that command
   itself is refused beside others. */
#define RESET                                                                                      \
    "close all; set session authorization default; reset all; deallocate all; unlisten *; "        \
    "select pg_advisory_unlock_all(); discard temp; discard sequences; "

/* Settings of a kind, and the share of the lease that its timeout is. */
static const struct {
    int groups;
    const char *timeout; /* NULL: none */
    int lease_divisor;
} kinds[] = {
    /* Only what PgBouncer keeps apart for its clients in transaction mode too. */
    [TQ_SESSION_COMMAND] = {TIMES, NULL, 1},
    [TQ_SESSION_CLAIM] = {TIMES | TEXTS | PLANS | DURABLE, "statement_timeout", 2},
    [TQ_SESSION_COMPLETION] = {TIMES | TEXTS | PLANS | DURABLE | IMPATIENT, "statement_timeout", 2},
    [TQ_SESSION_CONTROL] = {TIMES | TEXTS | PLANS | IMPATIENT, "statement_timeout", 10},
    [TQ_SESSION_HANDLER] = {TIMES | TEXTS | DURABLE, "idle_in_transaction_session_timeout", 1},
};

struct tq_session {
    PGconn *connection;
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

/* Appends one setting after the other, each as format says: of its name and its value. */
static void add_settings(struct tq_buf *sql, const struct tq_session_config *config,
                         const char *format)
{
    const char *timeout = kinds[config->kind].timeout;
    char ms[24];

    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if ((kinds[config->kind].groups & (int)settings[i].group) != 0)
            tq_buf_addf(sql, format, settings[i].name, settings[i].value);
    }
    if (timeout == NULL)
        return;
    (void)snprintf(ms, sizeof ms, "%" PRId64, config->lease_ms / kinds[config->kind].lease_divisor);
    tq_buf_addf(sql, format, timeout, ms);
}

static bool apply_settings(struct tq_session *session, const struct tq_session_config *config,
                           struct tq_err *err)
{
    struct tq_buf sql = {0};

    if (config->is_pooled)
        tq_buf_add_text(&sql,
                        "select"); /* a pooler lets clients in also while the server is away */
    else
        add_settings(&sql, config, "set %s = '%s';");

    bool is_applied = tq_session_run(session, sql.data, NULL, err);

    tq_buf_deinit(&sql);
    return is_applied;
}

char *tq_session_local_settings(const struct tq_session_config *config)
{
    struct tq_buf sql = {0};

    tq_buf_add_text(&sql, "select");
    add_settings(&sql, config, " set_config('%s', '%s', true),");
    tq_buf_add_text(&sql, " null");
    return tq_buf_take(&sql);
}

char *tq_session_begin_text(const struct tq_session_config *config)
{
    if (!config->is_pooled)
        return tq_strdup("begin");

    char *local = tq_session_local_settings(config);
    char *text = tq_format("begin; %s", local);

    free(local);
    return text;
}

char *tq_session_reset_text(const struct tq_session_config *config)
{
    struct tq_buf sql = {0};

    if (config->is_pooled) {
        tq_buf_add_text(&sql,
                        "select"); /* it is not ours: the pooler gave it to others meanwhile */
    } else {
        tq_buf_add_text(&sql, RESET);
        add_settings(&sql, config, "set %s = '%s';");
    }
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

bool tq_session_send(struct tq_session *session, enum tq_query query, struct tq_params *params,
                     struct tq_err *err)
{
    int count = params != NULL ? params->count : 0;

    for (int i = 0; i < count; i++) {
        bool is_null = params->lengths[i] < 0;

        session->values[i] = is_null ? NULL : params->data.data + params->starts[i];
        session->lengths[i] = is_null ? 0 : params->lengths[i];
        session->formats[i] = BINARY;
    }
    /* Not prepared: it is run once, and behind a pooler the next server would not know it. */
    bool is_sent =
        PQsendQueryParams(session->connection, tq_query_text(query), count, NULL, session->values,
                          session->lengths, session->formats, BINARY) == 1;

    if (params != NULL)
        tq_params_deinit(params);
    return is_sent || tq_err_from_connection(err, session->connection, tq_query_name(query));
}

bool tq_session_finish(struct tq_session *session, enum tq_query query, struct tq_rows *rows,
                       struct tq_err *err)
{
    PGresult *result = PQgetResult(session->connection), *extra;

    while ((extra = PQgetResult(session->connection)) != NULL)
        PQclear(extra);
    return deliver(session, result, tq_query_name(query), rows, err);
}

bool tq_session_query(struct tq_session *session, enum tq_query query, struct tq_params *params,
                      struct tq_rows *rows, struct tq_err *err)
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

bool tq_session_find_pooler(struct tq_session *session, bool *is_pooled, struct tq_err *err)
{
    struct tq_rows rows = {0};

    if (!tq_session_run(session, "select pg_backend_pid()", &rows, err))
        return false;
    *is_pooled = atoi(PQgetvalue(rows.result, 0, 0)) != PQbackendPID(session->connection);
    tq_rows_clear(&rows);
    return true;
}

char *tq_session_describe(const struct tq_session *session)
{
    const PGconn *connection = session->connection;
    const char *port = PQport(connection);

    return tq_format("postgresql://%s@%s%s%s/%s", PQuser(connection), PQhost(connection),
                     *port != '\0' ? ":" : "", port, PQdb(connection));
}
