// SPDX-License-Identifier: MIT
//
// The server of a private PostgreSQL: its data, its settings, its start and its end. Used by the
// keeper alone, which has become the server's user and works in the server's folder, so that all
// names here are relative: data/, and socket/ for the Unix socket that connections come over, which
// only that user (and root) can reach, and which are trusted therefore.
//
// initdb works in data.new, which becomes data when it is complete, so a half-made cluster is never
// taken for one.
#ifndef TQ_SERVER_CLUSTER_H
#define TQ_SERVER_CLUSTER_H

#include <sys/types.h>

#include "base/error.h"
#include "server/programs.h"

#define TQ_CLUSTER_USER "postgres" /* and the name of the database: what psql expects */
#define TQ_CLUSTER_PORT "5432"     /* only part of the socket's name */

struct tq_cluster {
    const char *home; /* not owned: absolute path of the working folder */
    int lock_fd;      /* not owned: all processes of the server inherit it */
    struct tq_programs programs;
    char *socket_away; /* where the socket is when the path of home is too long; else NULL. Before
                          tq_cluster_prepare(): where the last server had it, who may be waited for
                          there */
};

/* Finds the programs, and makes what is missing: the data, the settings, the socket's folder. No
   process of the server may be alive: the lock of lock_fd says so. */
TQ_MUST_CHECK bool tq_cluster_prepare(struct tq_cluster *cluster, struct tq_err *err);

/* Starts the server as our child, its output going to our standard error. */
TQ_MUST_CHECK bool tq_cluster_start(const struct tq_cluster *cluster, pid_t *pid,
                                    struct tq_err *err);

/* Whether the child pid accepts connections. */
bool tq_cluster_is_ready(pid_t pid);

/* Why something failed ("initdb ended with status 1"), found in what it wrote; returns false. */
bool tq_cluster_explain(const struct tq_cluster *cluster, const char *what, const char *output,
                        struct tq_err *err);

/* The server has ended: removes what it had outside of home. */
void tq_cluster_deinit(struct tq_cluster *cluster);

#endif
