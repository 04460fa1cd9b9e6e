// SPDX-License-Identifier: MIT
//
// The request to cancel. PQcancel() connects, sends and waits for the end, without any time limit:
// minutes when packets are dropped, for ever when a server or a pooler has stopped. Nothing ends it
// from outside. So it has a thread of its own, which is left to itself when it takes too long, and
// nobody's connections, reloads or shutdown wait behind it in libuv's pool.
//
// The connection is closed when the request has been taken, so that a pooler in between still knows
// whose statement is meant.
#include "database/cancel.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"

enum { PATIENCE_MS = 1000 };

struct request {
    PGconn *pq;
    int end; /* of a pipe: closed when it is over, as whoever waits may have gone */
};

static void *run(void *arg)
{
    struct request *request = arg;
    PGcancel *cancel = PQgetCancel(request->pq);
    char reason[256];

    if (cancel != NULL)
        (void)PQcancel(cancel, reason, sizeof reason); /* the server is gone, or has ended it */
    PQfreeCancel(cancel);
    PQfinish(request->pq);
    (void)close(request->end); /* nothing was written */
    free(request);
    return NULL;
}

static bool start(PGconn *pq, int end)
{
    struct request *request = tq_alloc(sizeof *request);
    pthread_t thread;

    *request = (struct request){pq, end};
    if (pthread_create(&thread, NULL, run, request) != 0) {
        free(request);
        return false;
    }
    (void)pthread_detach(thread); /* it is there, and not joined */
    return true;
}

void tq_cancel_and_close(struct pg_conn *pq)
{
    int fds[2]; /* read, write */

    if (pipe2(fds, O_CLOEXEC) != 0) {
        PQfinish(pq); /* the statement runs until the server has something to say */
        return;
    }
    if (start(pq, fds[1])) {
        (void)poll(&(struct pollfd){.fd = fds[0]}, 1, PATIENCE_MS); /* its end is POLLHUP */
    } else {
        (void)close(fds[1]); /* nothing was written */
        PQfinish(pq);        /* as above */
    }
    (void)close(fds[0]);
}
