// SPDX-License-Identifier: MIT
//
// A client: a connection that runs the statements of handlers, one at a time, on a uv loop. Their
// text is anybody's, so nothing is known of it: rows come back as texts with the kind of each
// column, and what state the session is in afterwards is asked of libpq.
//
//     CONNECTING --> IDLE <--> BUSY    any of them --lost, given up--> BROKEN --close--> gone
//
// It does not reconnect: client_pool.h makes another one. Closing it while a statement is under way
// cancels the statement, because a server notices a closed socket only when it has something to
// say. Belongs to the thread of its loop; so do all callbacks.
#ifndef TQ_DATABASE_CLIENT_H
#define TQ_DATABASE_CLIENT_H

#include <uv.h>

#include "base/error.h"
#include "base/table.h"
#include "database/session.h"

struct tq_client;

struct tq_client_config {
    struct tq_session_config session; /* its texts outlive the client */
    void *owner;
    void (*on_ready)(void *owner);
    void (*on_broken)(void *owner, const struct tq_err *err); /* while no statement was under way */
    void (*on_closed)(void *owner); /* after tq_client_close(): the client is gone */
};

/* Parameters as texts, whose types the server infers; NULL is null. */
struct tq_texts_given {
    const char *const *texts;
    int count;
};

/* A statement under way; embedded in its owner and untouched by it until on_done has been called:
   once, with the rows, which are the owner's then, or with err. Never after tq_client_close(). */
struct tq_statement {
    void (*on_done)(struct tq_statement *statement, const struct tq_err *err);
    size_t max_bytes;      /* of the rows */
    int64_t timeout_ms;    /* silence for so long means that the connection is lost; 0: no limit */
    struct tq_table table; /* the rows */
    char command[32];      /* what the server calls it: "INSERT", "COMMIT" */
    bool has_failed;       /* the rest is the client's */
    struct tq_err err;
};

/* What the session is in, by the last answer. */
enum tq_client_state {
    TQ_CLIENT_FREE,        /* no transaction */
    TQ_CLIENT_IN_PROGRESS, /* a transaction that works */
    TQ_CLIENT_ABORTED,     /* a transaction that can only be rolled back */
    TQ_CLIENT_UNUSABLE,    /* connecting, busy or broken */
};

/* Connects at once. */
struct tq_client *tq_client_new(uv_loop_t *loop, const struct tq_client_config *config);
void tq_client_close(struct tq_client *client);

void *tq_client_owner(const struct tq_client *client);
enum tq_client_state tq_client_state(const struct tq_client *client);

/* The pid of its backend; 0: not known, as a pooler names none. */
int tq_client_backend(const struct tq_client *client);

/* Runs one statement with parameters. The session must be usable. Texts need not outlive the call;
   on_done is called from the loop, never before it returns. */
void tq_client_run(struct tq_client *client, struct tq_statement *statement, const char *sql,
                   const struct tq_texts_given *given);

/* Runs several statements without parameters, in one round trip; rows are dropped. */
void tq_client_run_script(struct tq_client *client, struct tq_statement *statement,
                          const char *sql);

#endif
