// SPDX-License-Identifier: MIT
//
// A few clients that handlers of one thread share: made when one is asked for and none is free, up
// to a limit; whoever asks beyond it waits in line. A client that comes back is cleaned before the
// next one gets it, so that nothing that a handler set, locked or prepared is left; one that cannot
// be cleaned (a statement or a transaction is under way, the connection is lost) is closed. Idle
// ones are closed after a while. Belongs to the thread of its loop.
#ifndef TQ_DATABASE_CLIENT_POOL_H
#define TQ_DATABASE_CLIENT_POOL_H

#include "database/client.h"

struct tq_client_pool;

struct tq_client_pool_config {
    struct tq_session_config session; /* its texts outlive the pool */
    int limit;
    int64_t idle_ms; /* after which an idle one is closed */
};

/* A place in the line; embedded in its owner. on_client is called once, perhaps before
   tq_client_pool_ask() returns: with a client that is free, or NULL and err. */
struct tq_client_ask {
    void (*on_client)(struct tq_client_ask *ask, struct tq_client *client,
                      const struct tq_err *err);
    struct tq_client_ask *next; /* the pool's */
};

/* Connects to nothing yet. */
struct tq_client_pool *tq_client_pool_new(uv_loop_t *loop,
                                          const struct tq_client_pool_config *config);

/* From any thread: the server's processes of the clients that are connected, at most so many;
   returns how many there are. */
size_t tq_client_pool_backends(const struct tq_client_pool *pool, int32_t *pids, size_t most);

/* Nobody waits, and no client is in use. */
void tq_client_pool_close(struct tq_client_pool *pool);

/* What begins a transaction on one of its clients. */
const char *tq_client_pool_begin_text(const struct tq_client_pool *pool);

void tq_client_pool_ask(struct tq_client_pool *pool, struct tq_client_ask *ask);

/* Leaves the line; on_client has not been called. */
void tq_client_pool_withdraw(struct tq_client_pool *pool, struct tq_client_ask *ask);

/* In whatever state it is. is_clean: nothing of a handler's ran on it. */
void tq_client_pool_give_back(struct tq_client_pool *pool, struct tq_client *client, bool is_clean);

#endif
