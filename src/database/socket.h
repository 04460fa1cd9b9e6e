// SPDX-License-Identifier: MIT
//
// A libpq connection that is watched on a uv loop: the part that database/connection.c (statements
// of the worker, pipelined) and database/client.c (statements of handlers, one at a time) share.
//
// What is watched is a duplicate of libpq's socket, because libpq may close its own and reopen the
// same number under uv's feet. Embedded in its owner, who says when to flush.
#ifndef TQ_DATABASE_SOCKET_H
#define TQ_DATABASE_SOCKET_H

#include <uv.h>

#include "base/error.h"
#include "database/session.h"

struct tq_watch;

struct tq_socket_events {
    void *owner;
    void (*on_event)(void *owner, int status, int events); /* as of uv_poll */
    void (*on_closed)(void *owner); /* after a tq_socket_take() or _close() that said so */
};

struct tq_socket {
    struct pg_conn *pq;     /* owned; NULL: not open */
    struct tq_watch *watch; /* NULL: not watched */
    int fd;                 /* the duplicate */
    int watched;            /* uv events */
};

/* Takes the connection of the session, makes it non-blocking, and watches it for what arrives.
   When that fails the connection is the socket's nevertheless: close it. */
TQ_MUST_CHECK bool tq_socket_open(struct tq_socket *socket, uv_loop_t *loop,
                                  struct tq_session *session, const struct tq_socket_events *events,
                                  struct tq_err *err);

/* Sends what libpq holds, and watches for the moment when the rest can be sent. */
TQ_MUST_CHECK bool tq_socket_flush(struct tq_socket *socket);

/* Reads what has arrived into libpq, which may then have results. */
TQ_MUST_CHECK bool tq_socket_read(struct tq_socket *socket);

/* Stops watching and gives the connection away; NULL when there is none. *is_closing: a handle is
   being closed, and on_closed follows. */
struct pg_conn *tq_socket_take(struct tq_socket *socket, bool *is_closing);

/* The same, and ends the connection. Returns is_closing. */
bool tq_socket_close(struct tq_socket *socket);

#endif
