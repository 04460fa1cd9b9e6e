// SPDX-License-Identifier: MIT
//
// The watched connection. The handle is on the heap, so that its owner can open another one, or go,
// before the loop has closed it.
#include "database/socket.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "database/rows.h"

struct tq_watch {
    uv_poll_t poll; /* first */
    struct tq_socket_events events;
};

static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct tq_watch *watch = (struct tq_watch *)poll;

    watch->events.on_event(watch->events.owner, status, events);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct tq_watch *watch = (struct tq_watch *)handle;
    struct tq_socket_events events = watch->events;

    free(watch);
    events.on_closed(events.owner);
}

bool tq_socket_open(struct tq_socket *socket, uv_loop_t *loop, struct tq_session *session,
                    const struct tq_socket_events *events, struct tq_err *err)
{
    socket->pq = tq_session_take(session);
    socket->watch = NULL;
    socket->fd = -1;
    if (PQsetnonblocking(socket->pq, 1) != 0)
        return tq_err_from_connection(err, socket->pq, "cannot make the connection non-blocking");
    socket->fd = fcntl(PQsocket(socket->pq), F_DUPFD_CLOEXEC, 0);
    if (socket->fd < 0)
        return tq_err_system(err, "cannot duplicate the database socket");

    struct tq_watch *watch = tq_zalloc(sizeof *watch);
    int code = uv_poll_init(loop, &watch->poll, socket->fd);

    watch->events = *events;
    if (code == 0) {
        socket->watch = watch;
        socket->watched = UV_READABLE;
        code = uv_poll_start(&watch->poll, socket->watched, on_poll);
    } else {
        free(watch);
    }
    if (code != 0)
        return tq_err_set(err, TQ_ERR_SYSTEM, code, "cannot watch the database socket: %s",
                          uv_strerror(code));
    return true;
}

bool tq_socket_flush(struct tq_socket *socket)
{
    int left = PQflush(socket->pq);
    int wanted = left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE;

    if (left < 0)
        return false;
    if (socket->watched != wanted) {
        socket->watched = wanted;
        (void)uv_poll_start(&socket->watch->poll, wanted, on_poll); /* as it was started before */
    }
    return true;
}

bool tq_socket_read(struct tq_socket *socket)
{
    return PQconsumeInput(socket->pq) == 1;
}

struct pg_conn *tq_socket_take(struct tq_socket *socket, bool *is_closing)
{
    struct pg_conn *pq = socket->pq;

    *is_closing = socket->watch != NULL;
    if (socket->watch != NULL) {
        (void)uv_poll_stop(&socket->watch->poll); /* always 0 */
        uv_close((uv_handle_t *)&socket->watch->poll, on_poll_closed);
        socket->watch = NULL;
    }
    if (pq != NULL && socket->fd >= 0)
        (void)close(socket->fd); /* a duplicate of a socket: nothing is lost */
    socket->fd = -1;
    socket->pq = NULL;
    return pq;
}

bool tq_socket_close(struct tq_socket *socket)
{
    bool is_closing;

    PQfinish(tq_socket_take(socket, &is_closing));
    return is_closing;
}
