// SPDX-License-Identifier: MIT
//
// A connection for handlers. Rows are taken one by one as they arrive, so that an answer that is
// too large is given up when it has become so, not when it has filled the memory.
#include "database/client.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "database/cancel.h"
#include "database/cell.h"
#include "database/socket.h"

enum state { CONNECTING, IDLE, BUSY, BROKEN };

struct tq_client {
    struct tq_client_config config;
    uv_loop_t *loop;
    enum state state;
    bool is_closing;
    int open_handles; /* and work under way */

    uv_work_t work;             /* CONNECTING; cancelling when closed */
    struct tq_session *session; /* [pool thread] while CONNECTING */
    struct tq_err connect_err;  /* [pool thread] while CONNECTING */
    struct pg_conn *cancelled;  /* [pool thread] while cancelling */

    struct tq_socket socket;
    uv_timer_t timer;
    struct tq_statement *statement; /* BUSY */
    bool is_script;
    bool is_running; /* the server has not said the last word about a statement */
};

static void on_socket_event(void *owner, int status, int events);
static void on_timer(uv_timer_t *timer);

/* ---- connecting ---- */

static void connect_in_pool(uv_work_t *work)
{
    struct tq_client *client = work->data;

    if (!tq_session_open(&client->config.session, &client->session, &client->connect_err))
        client->session = NULL;
}

static void finish_closing(struct tq_client *client)
{
    if (!client->is_closing || client->open_handles > 0)
        return;

    struct tq_client_config config = client->config;

    free(client);
    config.on_closed(config.owner);
}

static void on_handle_closed(void *owner)
{
    struct tq_client *client = owner;

    client->open_handles--;
    finish_closing(client);
}

/* Without a statement: with one, its owner is told. */
static void give_up(struct tq_client *client, const struct tq_err *err)
{
    struct tq_statement *statement = client->statement;
    struct tq_err cause = *err;

    client->state = BROKEN;
    client->statement = NULL;
    (void)uv_timer_stop(&client->timer); /* always 0 */
    if (cause.sqlstate[0] == '\0')
        (void)strcpy(cause.sqlstate, "08006"); /* connection_failure */
    if (statement == NULL) {
        client->config.on_broken(client->config.owner, &cause);
        return;
    }
    tq_table_deinit(&statement->table);
    statement->on_done(statement, &cause);
}

static void on_connected(uv_work_t *work, int status)
{
    struct tq_client *client = work->data;
    const struct tq_socket_events events = {
        .owner = client, .on_event = on_socket_event, .on_closed = on_handle_closed};
    struct tq_session *session = client->session;
    struct tq_err err = client->connect_err;

    client->session = NULL;
    client->open_handles--;
    if (client->is_closing || status == UV_ECANCELED) {
        tq_session_close(session);
        finish_closing(client);
        return;
    }
    if (session == NULL || !tq_socket_open(&client->socket, client->loop, session, &events, &err)) {
        give_up(client, &err);
        return;
    }
    client->state = IDLE;
    client->config.on_ready(client->config.owner);
}

struct tq_client *tq_client_new(uv_loop_t *loop, const struct tq_client_config *config)
{
    struct tq_client *client = tq_zalloc(sizeof *client);

    client->config = *config;
    client->loop = loop;
    client->work.data = client;
    (void)uv_timer_init(loop, &client->timer); /* always 0 */
    client->timer.data = client;
    client->open_handles = 2; /* the timer and the work */
    /* Fails only for a null callback. */
    (void)uv_queue_work(loop, &client->work, connect_in_pool, on_connected);
    return client;
}

/* ---- closing ---- */

static void cancel_in_pool(uv_work_t *work)
{
    const struct tq_client *client = work->data;

    tq_cancel_and_close(client->cancelled);
}

static void on_cancelled(uv_work_t *work, int status)
{
    struct tq_client *client = work->data;

    (void)status; /* it is not cancelled: nobody has its address by now */
    on_handle_closed(client);
}

static void on_timer_closed(uv_handle_t *timer)
{
    on_handle_closed(timer->data);
}

static void drop_socket(struct tq_client *client)
{
    bool is_closing;
    struct pg_conn *pq = tq_socket_take(&client->socket, &is_closing);

    if (is_closing)
        client->open_handles++;
    if (pq == NULL || !client->is_running) {
        PQfinish(pq);
        return;
    }
    client->cancelled = pq;
    client->open_handles++;
    (void)uv_queue_work(client->loop, &client->work, cancel_in_pool, on_cancelled); /* not null */
}

void tq_client_close(struct tq_client *client)
{
    if (client->statement != NULL)
        tq_table_deinit(&client->statement->table);
    client->statement = NULL;
    client->is_closing = true;
    if (client->state == CONNECTING)
        (void)uv_cancel((uv_req_t *)&client->work); /* else it ends by itself */
    client->state = BROKEN;
    drop_socket(client);
    uv_close((uv_handle_t *)&client->timer, on_timer_closed);
}

/* ---- statements ---- */

void *tq_client_owner(const struct tq_client *client)
{
    return client->config.owner;
}

int tq_client_backend(const struct tq_client *client)
{
    bool is_known = client->socket.pq != NULL && !client->config.session.is_pooled;

    return is_known ? PQbackendPID(client->socket.pq) : 0;
}

enum tq_client_state tq_client_state(const struct tq_client *client)
{
    if (client->state != IDLE)
        return TQ_CLIENT_UNUSABLE;
    switch (PQtransactionStatus(client->socket.pq)) {
    case PQTRANS_IDLE:
        return TQ_CLIENT_FREE;
    case PQTRANS_INTRANS:
        return TQ_CLIENT_IN_PROGRESS;
    case PQTRANS_INERROR:
        return TQ_CLIENT_ABORTED;
    case PQTRANS_ACTIVE:
    case PQTRANS_UNKNOWN:
        break;
    }
    return TQ_CLIENT_UNUSABLE;
}

static void begin(struct tq_client *client, struct tq_statement *statement, bool is_script)
{
    statement->table = (struct tq_table){0};
    statement->command[0] = '\0';
    statement->has_failed = false;
    client->statement = statement;
    client->is_script = is_script;
    client->state = BUSY;
    client->is_running = true;
    if (statement->timeout_ms > 0)
        (void)uv_timer_start(&client->timer, on_timer, (uint64_t)statement->timeout_ms, 0);
}

static void lose(struct tq_client *client)
{
    struct tq_err err;

    if (client->statement != NULL && client->statement->has_failed) {
        err = client->statement->err; /* what the server said when it left */
        give_up(client, &err);
        return;
    }
    (void)tq_err_from_connection(&err, client->socket.pq, "the database connection was lost");
    give_up(client, &err);
}

/* From the loop, as any answer: whoever runs a statement has not yet noted that it did. */
static void lose_soon(struct tq_client *client)
{
    client->state = BROKEN;
    (void)uv_timer_start(&client->timer, on_timer, 0, 0); /* not null */
}

void tq_client_run(struct tq_client *client, struct tq_statement *statement, const char *sql,
                   const struct tq_texts_given *given)
{
    begin(client, statement, false);
    if (PQsendQueryParams(client->socket.pq, sql, given->count, NULL, given->texts, NULL, NULL,
                          0) != 1 ||
        PQsetSingleRowMode(client->socket.pq) != 1 || !tq_socket_flush(&client->socket))
        lose_soon(client);
}

void tq_client_run_script(struct tq_client *client, struct tq_statement *statement, const char *sql)
{
    begin(client, statement, true);
    if (PQsendQuery(client->socket.pq, sql) != 1 || !tq_socket_flush(&client->socket))
        lose_soon(client);
}

static void finish(struct tq_client *client)
{
    struct tq_statement *statement = client->statement;
    struct tq_err err = statement->err;

    (void)uv_timer_stop(&client->timer); /* always 0 */
    client->statement = NULL;
    client->is_running = false;
    client->state = IDLE;
    if (statement->has_failed)
        tq_table_deinit(&statement->table);
    statement->on_done(statement, statement->has_failed ? &err : NULL);
}

static void add_columns(struct tq_table *table, const PGresult *result)
{
    for (int i = 0; i < PQnfields(result); i++)
        tq_table_add_column(table, PQfname(result, i), tq_cell_kind(PQftype(result, i)));
}

static void add_rows(struct tq_table *table, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        for (int i = 0; i < PQnfields(result); i++)
            tq_cell_add(table, result, row, i);
        tq_table_end_row(table);
    }
}

static void note_command(struct tq_statement *statement, PGresult *result)
{
    const char *tag = PQcmdStatus(result);

    (void)snprintf(statement->command, sizeof statement->command, "%.*s", (int)strcspn(tag, " "),
                   tag);
    statement->table.affected = strtoll(PQcmdTuples(result), NULL, 10);
}

static void refuse_copy(struct tq_client *client)
{
    struct tq_err err;

    (void)tq_err_set(&err, TQ_ERR_QUERY, 0,
                     "copy to or from the client is not possible here: use insert, or select");
    (void)strcpy(err.sqlstate, "0A000"); /* feature_not_supported */
    give_up(client, &err);
}

static void refuse_size(struct tq_client *client)
{
    struct tq_err err;

    (void)tq_err_set(&err, TQ_ERR_QUERY, 0,
                     "the rows are larger than %zu bytes: select less, or page by page",
                     client->statement->max_bytes);
    (void)strcpy(err.sqlstate, "54000"); /* program_limit_exceeded */
    give_up(client, &err);
}

static void take_rows(struct tq_client *client, PGresult *result)
{
    struct tq_statement *statement = client->statement;

    if (!client->is_script) {
        if (statement->table.column_count == 0)
            add_columns(&statement->table, result);
        add_rows(&statement->table, result);
    }
    if (statement->max_bytes > 0 && statement->table.cells.len > statement->max_bytes)
        refuse_size(client);
    else if (PQresultStatus(result) == PGRES_TUPLES_OK)
        note_command(statement, result);
}

static void take_result(struct tq_client *client, PGresult *result)
{
    struct tq_statement *statement = client->statement;

    switch ((int)PQresultStatus(result)) { /* the rest of the enum means failure */
    case PGRES_SINGLE_TUPLE:
    case PGRES_TUPLES_OK:
        take_rows(client, result);
        break;
    case PGRES_COMMAND_OK:
        note_command(statement, result);
        break;
    case PGRES_EMPTY_QUERY:
        break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        refuse_copy(client);
        break;
    default:
        if (!statement->has_failed)
            tq_cell_describe_failure(&statement->err, result);
        statement->has_failed = true;
    }
    PQclear(result);
}

/* Handlers may listen; nobody hears it. */
static void drop_notifications(struct tq_client *client)
{
    PGnotify *notify;

    while ((notify = PQnotifies(client->socket.pq)) != NULL)
        PQfreemem(notify);
}

static void take_results(struct tq_client *client)
{
    while (client->state == BUSY && PQisBusy(client->socket.pq) == 0) {
        PGresult *result = PQgetResult(client->socket.pq);

        if (result != NULL) {
            take_result(client, result);
        } else if (PQstatus(client->socket.pq) != CONNECTION_OK) {
            lose(client);
        } else {
            finish(client); /* may run the next one, or close */
            return;
        }
    }
}

static void on_socket_event(void *owner, int status, int events)
{
    struct tq_client *client = owner;
    struct tq_err err;

    if (client->state != IDLE && client->state != BUSY)
        return; /* broken: whoever has it will close it */
    if (status < 0) {
        (void)tq_err_set(&err, TQ_ERR_CONNECT, status, "the database connection was lost: %s",
                         uv_strerror(status));
        give_up(client, &err);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && !tq_socket_flush(&client->socket)) {
        lose(client);
        return;
    }
    if ((events & UV_READABLE) == 0)
        return;

    bool is_alive = tq_socket_read(&client->socket);

    drop_notifications(client);
    if (client->state == BUSY)
        take_results(client);
    if (!is_alive && (client->state == IDLE || client->state == BUSY))
        lose(client);
}

static void on_timer(uv_timer_t *timer)
{
    struct tq_client *client = timer->data;
    struct tq_err err;

    if (client->state == BROKEN) {
        lose(client); /* it could not be sent */
        return;
    }
    (void)tq_err_set(&err, TQ_ERR_CONNECT, 0, "no answer from the database for %d s",
                     (int)(client->statement->timeout_ms / 1000));
    give_up(client, &err);
}
