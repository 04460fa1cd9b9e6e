// SPDX-License-Identifier: MIT
//
// The asynchronous connection: libpq's pipeline mode on a watched socket.
#include "database/connection.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/memory.h"
#include "database/socket.h"

enum {
    BINARY = 1,
    READ_MS = 100, /* for an answer that came while the loop was held up: timers go before reads */
};

static const struct tq_backoff reconnect_delays = {
    .kind = TQ_BACKOFF_EXPONENTIAL, .base_ms = 50, .cap_ms = 5000, .jitter = 0.5};

enum state { DOWN, CONNECTING, READY, CLOSED };

struct tq_connection {
    struct tq_connection_config config;
    uv_loop_t *loop;
    enum state state;
    bool is_closing;
    int open_handles;

    uv_work_t work;             /* CONNECTING */
    struct tq_session *session; /* [pool thread] while CONNECTING */
    struct tq_err connect_err;  /* [pool thread] while CONNECTING */
    int failures;               /* connects refused in a row */

    struct tq_socket socket; /* open when READY */
    uv_timer_t timer;        /* DOWN: reconnect; READY: the oldest request's answer */
    bool is_overdue;         /* that answer */

    struct tq_request *first, **last; /* sent, in order */
    size_t pending;
    bool is_prepared[TQ_QUERY_COUNT];
    char *settings; /* pooled: what begins each transaction; else NULL */
    struct tq_params params;
    const char *values[TQ_PARAMS_MAX];
    int formats[TQ_PARAMS_MAX];
};

static void start_connecting(struct tq_connection *c);
static void lose(struct tq_connection *c, const struct tq_err *err);
static void on_timer(uv_timer_t *timer);
static void on_socket_event(void *owner, int status, int events);
static void on_socket_closed(void *owner);
static void maybe_finish_closing(struct tq_connection *c);

struct tq_connection *tq_connection_new(uv_loop_t *loop, const struct tq_connection_config *config)
{
    struct tq_connection *c = tq_zalloc(sizeof *c);

    c->config = *config;
    c->loop = loop;
    c->last = &c->first;
    c->work.data = c;
    (void)uv_timer_init(loop, &c->timer); /* always 0 */
    c->timer.data = c;
    c->open_handles = 1;
    for (int i = 0; i < TQ_PARAMS_MAX; i++)
        c->formats[i] = BINARY;
    if (config->session.is_pooled)
        c->settings = tq_session_local_settings(&config->session);
    start_connecting(c);
    return c;
}

bool tq_connection_is_ready(const struct tq_connection *connection)
{
    return connection->state == READY;
}

struct tq_params *tq_request_params(struct tq_request *request)
{
    struct tq_params *params = &request->connection->params;

    tq_params_clear(params);
    return params;
}

/* ---- connecting ---- */

static bool listen_to_all(struct tq_connection *c)
{
    const char *const *channel = c->config.listen;
    bool is_listening = true;

    for (; channel != NULL && *channel != NULL && is_listening; channel++) {
        char *sql = tq_format("listen %s", *channel);

        is_listening = tq_session_run(c->session, sql, NULL, &c->connect_err);
        free(sql);
    }
    return is_listening;
}

static bool open_session(struct tq_connection *c)
{
    struct tq_session_config session = c->config.session;
    bool has_moved = c->failures > 0 && c->config.locate != NULL, is_open;
    char *conninfo = has_moved ? c->config.locate(c->config.owner, &c->connect_err) : NULL;

    if (has_moved && conninfo == NULL)
        return false;
    if (has_moved)
        session.conninfo = conninfo;
    is_open = tq_session_open(&session, &c->session, &c->connect_err);
    free(conninfo);
    return is_open;
}

static void connect_in_pool(uv_work_t *work)
{
    struct tq_connection *c = work->data;

    if (!open_session(c)) {
        c->session = NULL;
        return;
    }
    if (c->config.check != NULL && !c->config.check(c->config.owner, c->session, &c->connect_err))
        goto close;
    if (!listen_to_all(c))
        goto close;
    return;

close:
    tq_session_close(c->session);
    c->session = NULL;
}

static bool adopt_session(struct tq_connection *c, struct tq_err *err)
{
    const struct tq_socket_events events = {
        .owner = c, .on_event = on_socket_event, .on_closed = on_socket_closed};
    struct tq_session *session = c->session;

    c->session = NULL;
    if (!tq_socket_open(&c->socket, c->loop, session, &events, err))
        return false;
    if (PQenterPipelineMode(c->socket.pq) != 1)
        return tq_err_from_connection(err, c->socket.pq, "cannot start a pipeline");
    return true;
}

static void on_connected(uv_work_t *work, int status)
{
    struct tq_connection *c = work->data;
    struct tq_err err = c->connect_err;

    c->state = DOWN;
    if (c->is_closing || status == UV_ECANCELED) {
        tq_session_close(c->session);
        c->session = NULL;
        maybe_finish_closing(c);
        return;
    }
    if (c->session == NULL || !adopt_session(c, &err)) {
        lose(c, &err);
        return;
    }
    c->failures = 0;
    memset(c->is_prepared, 0, sizeof c->is_prepared);
    c->state = READY;
    c->config.on_ready(c->config.owner);
}

static void start_connecting(struct tq_connection *c)
{
    c->state = CONNECTING;
    /* Fails only for a null callback. */
    (void)uv_queue_work(c->loop, &c->work, connect_in_pool, on_connected);
}

/* ---- losing and closing ---- */

static void on_socket_closed(void *owner)
{
    struct tq_connection *c = owner;

    c->open_handles--;
    maybe_finish_closing(c);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct tq_connection *c = handle->data;

    c->open_handles--;
    maybe_finish_closing(c);
}

static void drop_socket(struct tq_connection *c)
{
    if (tq_socket_close(&c->socket))
        c->open_handles++; /* until it has closed */
}

static void fail_pending(struct tq_connection *c, const struct tq_err *err)
{
    struct tq_request *request = c->first;

    c->first = NULL;
    c->last = &c->first;
    c->pending = 0;
    while (request != NULL) {
        struct tq_request *next = request->next;

        tq_rows_clear(&request->rows);
        request->is_pending = false;
        request->on_done(request, NULL, err);
        request = next;
    }
}

static void lose(struct tq_connection *c, const struct tq_err *err)
{
    struct tq_err cause = *err;

    cause.domain = cause.domain == TQ_ERR_SCHEMA ? TQ_ERR_SCHEMA : TQ_ERR_CONNECT;
    c->state = DOWN;
    drop_socket(c);
    c->failures++;

    double unit = (double)(uv_hrtime() % 1000) / 1000;
    int64_t delay_ms = tq_backoff_delay_ms(&reconnect_delays, c->failures, unit);

    (void)uv_timer_start(&c->timer, on_timer, (uint64_t)delay_ms, 0); /* the callback is not null */
    fail_pending(c, &cause);
    c->config.on_lost(c->config.owner, &cause);
}

void tq_connection_reset(struct tq_connection *c, const struct tq_err *err)
{
    if (c->state == READY)
        lose(c, err);
}

void tq_connection_close(struct tq_connection *c)
{
    struct tq_err err;

    (void)tq_err_set(&err, TQ_ERR_CONNECT, 0, "the connection was closed");
    c->is_closing = true;
    if (c->state == CONNECTING)
        (void)uv_cancel((uv_req_t *)&c->work); /* else it ends by itself, and on_connected tidies */
    drop_socket(c);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    if (c->state != CONNECTING)
        c->state = CLOSED;
    fail_pending(c, &err);
}

static void maybe_finish_closing(struct tq_connection *c)
{
    if (!c->is_closing || c->open_handles > 0 || c->state == CONNECTING)
        return;
    tq_params_deinit(&c->params);
    free(c->settings);
    free(c);
}

/* ---- statements ---- */

/* (Re)starts the wait for the oldest answer. */
static void arm_timer(struct tq_connection *c)
{
    c->is_overdue = false;
    if (c->first == NULL)
        (void)uv_timer_stop(&c->timer); /* always 0 */
    else
        (void)uv_timer_start(&c->timer, on_timer, (uint64_t)c->config.answer_timeout_ms, 0);
}

static bool send_prepared(struct tq_connection *c, struct tq_request *request)
{
    const char *name = tq_query_name(request->query);

    if (!c->is_prepared[request->query]) {
        if (PQsendPrepare(c->socket.pq, name, tq_query_text(request->query), 0, NULL) != 1)
            return false;
        request->has_preface = true;
        c->is_prepared[request->query] = true;
    }
    return PQsendQueryPrepared(c->socket.pq, name, c->params.count, c->values, c->params.lengths,
                               c->formats, BINARY) == 1;
}

/* The settings hold until the segment ends, and are made before the statement is planned. */
static bool send_with_settings(struct tq_connection *c, struct tq_request *request)
{
    request->has_preface = true;
    return PQsendQueryParams(c->socket.pq, c->settings, 0, NULL, NULL, NULL, NULL, 0) == 1 &&
           PQsendQueryParams(c->socket.pq, tq_query_text(request->query), c->params.count, NULL,
                             c->values, c->params.lengths, c->formats, BINARY) == 1;
}

static bool send_statement(struct tq_connection *c, struct tq_request *request)
{
    const struct tq_params *params = &c->params;

    for (int i = 0; i < params->count; i++)
        c->values[i] = params->lengths[i] < 0 ? NULL : params->data.data + params->starts[i];

    bool is_sent = c->settings != NULL ? send_with_settings(c, request) : send_prepared(c, request);

    return is_sent && PQpipelineSync(c->socket.pq) == 1;
}

void tq_request_send(struct tq_request *request, enum tq_query query)
{
    struct tq_connection *c = request->connection;
    struct tq_err err;

    request->next = NULL;
    request->query = query;
    request->has_preface = request->has_failed = request->is_answered = false;
    request->is_pending = c->state == READY;
    request->rows.result = NULL;
    if (c->state != READY) {
        (void)tq_err_set(&err, TQ_ERR_CONNECT, 0, "the database is not connected");
        request->on_done(request, NULL, &err);
        return;
    }
    *c->last = request;
    c->last = &request->next;
    c->pending++;
    if (!send_statement(c, request) || !tq_socket_flush(&c->socket)) {
        (void)tq_err_from_connection(&err, c->socket.pq, tq_query_name(query));
        lose(c, &err);
        return;
    }
    if (c->pending == 1)
        arm_timer(c);
}

static void finish_first(struct tq_connection *c)
{
    struct tq_request *request = c->first;
    struct tq_rows rows = request->rows;

    request->rows.result = NULL;
    c->first = request->next;
    if (c->first == NULL)
        c->last = &c->first;
    c->pending--;
    arm_timer(c);
    if (request->has_failed && request->has_preface && !request->is_answered)
        c->is_prepared[request->query] = false; /* the preparing itself failed; else it stays */

    struct tq_err err = request->err;

    request->is_pending = false;
    request->on_done(request, request->has_failed ? NULL : &rows,
                     request->has_failed ? &err : NULL);
    tq_rows_clear(&rows);
}

static void take_result(struct tq_connection *c, PGresult *result)
{
    struct tq_request *request = c->first;

    switch ((int)PQresultStatus(result)) { /* the rest of the enum means failure */
    case PGRES_PIPELINE_SYNC:
        PQclear(result);
        finish_first(c);
        return;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        if (request->has_preface && !request->is_answered) {
            request->is_answered = true;
            PQclear(result);
            return;
        }
        tq_rows_clear(&request->rows);
        request->rows.result = result;
        return;
    case PGRES_PIPELINE_ABORTED:
        PQclear(result);
        return;
    default:
        if (!request->has_failed)
            (void)tq_err_from_result(&request->err, result, tq_query_name(request->query));
        request->has_failed = true;
        PQclear(result);
        return;
    }
}

static void tell(const struct tq_connection *c, const PGnotify *notify)
{
    c->config.on_notify(c->config.owner, notify->relname, notify->extra);
}

static bool is_equal(const PGnotify *a, const PGnotify *b)
{
    return strcmp(a->relname, b->relname) == 0 && strcmp(a->extra, b->extra) == 0;
}

/* A burst of equal ones is told once. */
static void take_notifications(struct tq_connection *c)
{
    PGnotify *notify, *last = NULL;

    while ((notify = PQnotifies(c->socket.pq)) != NULL) {
        if (last != NULL && !is_equal(last, notify))
            tell(c, last);
        PQfreemem(last);
        last = notify;
    }
    if (last != NULL)
        tell(c, last);
    PQfreemem(last);
}

static void on_socket_event(void *owner, int status, int events)
{
    struct tq_connection *c = owner;
    struct tq_err err;

    if (status < 0) {
        (void)tq_err_set(&err, TQ_ERR_CONNECT, status, "the database connection was lost: %s",
                         uv_strerror(status));
        lose(c, &err);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && !tq_socket_flush(&c->socket))
        goto lost;
    if ((events & UV_READABLE) == 0)
        return;
    if (!tq_socket_read(&c->socket))
        goto lost;
    while (c->state == READY && c->first != NULL && PQisBusy(c->socket.pq) == 0) {
        PGresult *result = PQgetResult(c->socket.pq);

        if (result != NULL)
            take_result(c, result); /* may send, lose or close */
    }
    if (c->state == READY && PQstatus(c->socket.pq) != CONNECTION_OK)
        goto lost;
    if (c->state == READY)
        take_notifications(c);
    return;

lost:
    (void)tq_err_from_connection(&err, c->socket.pq, "the database connection was lost");
    lose(c, &err);
}

static void on_timer(uv_timer_t *timer)
{
    struct tq_connection *c = timer->data;
    struct tq_err err;

    if (c->state == DOWN) {
        start_connecting(c);
        return;
    }
    if (!c->is_overdue) {
        c->is_overdue = true;
        (void)uv_timer_start(timer, on_timer, READ_MS, 0); /* not null */
        return;
    }
    (void)tq_err_set(&err, TQ_ERR_CONNECT, 0, "no answer from the database for %d s",
                     (int)(c->config.answer_timeout_ms / 1000));
    lose(c, &err);
}
