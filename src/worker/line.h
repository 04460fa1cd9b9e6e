// SPDX-License-Identifier: MIT
//
// A line: one of the worker's connections to the database, with its outages logged once each.
// Embedded in the worker; main thread.
#ifndef TQ_WORKER_LINE_H
#define TQ_WORKER_LINE_H

#include "database/connection.h"

struct tq_line {
    struct tq_connection *connection;
    const char *name;
    bool is_down;
    int64_t lock_key; /* [const] of a claim line */
    /* See struct tq_worker_options. [const] */
    char *(*locate)(void *locator, struct tq_err *err);
    void *locator;
    void *owner;
    void (*on_ready)(void *owner);                                            /* or NULL */
    void (*on_notify)(void *owner, const char *channel, const char *payload); /* or NULL */
};

/* Fills everything but the callbacks, which the caller has set, and starts connecting. A claim line
   holds the session lock lock_key: when a new connection has it, the old backend is
   gone, and a claim that was under way has been committed or never will be. Behind a pooler there
   is no such lock: see tq_worker_recover(). channels, a list that ends with NULL and outlives the
   line, may be NULL. */
void tq_line_open(struct tq_line *line, uv_loop_t *loop, const struct tq_session_config *session,
                  const char *const *channels);

bool tq_line_is_ready(const struct tq_line *line);

#endif
