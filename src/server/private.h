// SPDX-License-Identifier: MIT
//
// The private PostgreSQL: what a command uses when nobody has told it of a database. It belongs to
// a folder, ./.taskq/pg, and to no process:
//
//     command, worker   holds a shared flock on FOLDER/in-use while it works, and starts a keeper
//                       when there is none; this file
//     keeper            a detached process of the same binary; starts the server as its child, and
//                       stops it when nobody has held that lock for 10 s; keeper.h
//     server            postgres, on a Unix socket only; dies with its keeper; cluster.h
//
// What lies in FOLDER, and how anything of it may be killed at any time: folder.h.
#ifndef TQ_SERVER_PRIVATE_H
#define TQ_SERVER_PRIVATE_H

#include "base/error.h"

struct tq_private;

/* Sees to it that the private PostgreSQL of this folder exists and runs, and keeps it up until
   tq_private_close(). The first time takes about half a second, later ones milliseconds; never more
   than a minute. Forks: only for a process that has one thread so far. */
TQ_MUST_CHECK bool tq_private_open(const char *folder, struct tq_private **out, struct tq_err *err);
void tq_private_close(struct tq_private *private);

/* Sees to it that the server runs again after it has died with its keeper, and returns the
   connection string of now; freed by the caller. NULL with err: it cannot be started. For processes
   with threads, from any of them, and several at once; blocks for as long as tq_private_open(). */
char *tq_private_revive(const struct tq_private *private, struct tq_err *err);

/* For libpq. */
const char *tq_private_conninfo(const struct tq_private *private);

/* For people: "private PostgreSQL 15 in /home/me/app/.taskq/pg". */
const char *tq_private_describe(const struct tq_private *private);

#endif
