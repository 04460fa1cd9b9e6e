// SPDX-License-Identifier: MIT
//
// A connection to the database on a uv loop: statements go out in pipeline mode, each a transaction
// of its own, and answers come back in order. They are prepared when they are first run; behind a
// pooler that hands out servers by the transaction, none is, and each brings the settings along. It
// connects (in libuv's thread pool, see session.h), reconnects with growing delays when it is lost,
// and fails what was under way.
//
//     DOWN --delay over--> CONNECTING --session open--> READY --lost--> DOWN ...
//                              |                          |
//                              '--refused--> DOWN         '--close--> CLOSED
//
// Belongs to the thread of its loop; so do all callbacks.
#ifndef TQ_DATABASE_CONNECTION_H
#define TQ_DATABASE_CONNECTION_H

#include <uv.h>

#include "base/error.h"
#include "database/params.h"
#include "database/query.h"
#include "database/rows.h"
#include "database/session.h"

struct tq_connection;

/* One statement under way; embedded in its owner and untouched by it until on_done has been called,
   exactly once: with rows, or with err. rows are gone after the callback. */
struct tq_request {
    struct tq_connection *connection; /* set by the owner, before it is sent */
    void (*on_done)(struct tq_request *request, const struct tq_rows *rows,
                    const struct tq_err *err);
    bool is_pending; /* from tq_request_send() until on_done is called; for its owner to read */
    struct tq_request *next; /* the rest is the connection's */
    enum tq_query query;
    bool has_preface; /* the first answer is that to preparing, or to the settings */
    bool has_failed, is_answered;
    struct tq_rows rows;
    struct tq_err err;
};

struct tq_connection_config {
    struct tq_session_config session; /* its texts outlive the connection */
    const char *const *listen;        /* channels; ends with NULL. NULL: none */
    int64_t answer_timeout_ms;        /* silence for so long means that the connection is dead */
    void *owner;
    /* After a failure, before connecting again: where the database is now, freed by the connection,
       or NULL with err. In the pool thread; NULL: where it was. */
    char *(*locate)(void *owner, struct tq_err *err);
    /* A session is open; false (with err) refuses it, and it is retried later. In the pool thread:
       it may use the session and what is constant. NULL: accept all. */
    bool (*check)(void *owner, struct tq_session *session, struct tq_err *err);
    void (*on_ready)(void *owner);
    void (*on_lost)(void *owner, const struct tq_err *err); /* also when connecting failed */
    void (*on_notify)(void *owner, const char *channel, const char *payload);
};

/* Starts connecting at once. Freed by the last callback after tq_connection_close(). */
struct tq_connection *tq_connection_new(uv_loop_t *loop, const struct tq_connection_config *config);
void tq_connection_close(struct tq_connection *connection);

bool tq_connection_is_ready(const struct tq_connection *connection);

/* Treats a connection that is ready as lost, for a reason that its owner knows; it comes back. */
void tq_connection_reset(struct tq_connection *connection, const struct tq_err *err);

/* Empty parameters, to be filled before tq_request_send(). */
struct tq_params *tq_request_params(struct tq_request *request);

/* Sends query with the parameters filled last. When the connection is not ready, on_done is called
   with an error before this returns. */
void tq_request_send(struct tq_request *request, enum tq_query query);

#endif
