// SPDX-License-Identifier: MIT
//
// The server of a private PostgreSQL: its data, its settings, its start and its end. Used by the
// keeper alone, after it became the server's user.
//
// initdb works in data.new, which becomes data when it is complete, so a half-made cluster is never
// taken for one. Connections come over a Unix socket in a folder that only the server's user (and
// root) can enter, and are trusted.
#ifndef TQ_SERVER_CLUSTER_H
#define TQ_SERVER_CLUSTER_H

#include <sys/types.h>

#include "base/error.h"
#include "server/programs.h"

#define TQ_CLUSTER_USER "postgres" /* and the name of the database: what psql and libpq expect */
#define TQ_CLUSTER_PORT "5432"     /* only part of the socket's name */

struct tq_cluster {
    const char *home; /* not owned: absolute path of the folder that holds all this */
    int lock_fd;      /* not owned: inherited by all processes of the server */
    struct tq_programs programs;
    char *data, *socket; /* absolute paths; socket is a folder */
    bool is_socket_away; /* not in home, whose path is too long */
};

/* Finds the programs, and makes what is missing: the data, the settings, the socket's folder. */
TQ_MUST_CHECK bool tq_cluster_prepare(struct tq_cluster *cluster, struct tq_err *err);

/* Starts the server as our child, its output going to our standard error. */
TQ_MUST_CHECK bool tq_cluster_start(const struct tq_cluster *cluster, pid_t *pid,
                                    struct tq_err *err);

/* Whether the child pid accepts connections. */
bool tq_cluster_is_ready(const struct tq_cluster *cluster, pid_t pid);

/* The reason of a failure, found in what initdb or the server wrote; false with err, always. */
bool tq_cluster_explain(const struct tq_cluster *cluster, const char *what, const char *output,
                        struct tq_err *err);

/* Removes the socket's folder. The server has ended. */
void tq_cluster_deinit(struct tq_cluster *cluster);

#endif
