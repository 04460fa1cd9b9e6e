// SPDX-License-Identifier: MIT
//
// The folder of a private PostgreSQL, and the locks in it:
//
//     in-use        shared lock: everybody who needs the server; exclusive: the keeper, while it
//                   stops the server for want of users. Its time is that of the last start of a use
//     keeper.lock   exclusive: the keeper, inherited from the command that started it, so that one
//                   is started even if ten want to
//     server.lock   exclusive: every process of the server, and initdb, by inheritance. A new
//                   keeper waits until the server of one that was killed is gone
//     ready         exclusive: the keeper, while the server accepts connections; holds two lines,
//                   the server's version and the folder of its socket, seen from here
//     log           what keeper and server have to say, at most 4 MB
//     server/       the server's own: data/ and socket/; or a link to where they are
//
// All of them are flocks, which the kernel drops with the processes that hold them, so nothing here
// can be stale: what counts is who holds a lock, never what a file says. The files are never
// removed, because a lock on a removed file excludes nobody.
#ifndef TQ_SERVER_FOLDER_H
#define TQ_SERVER_FOLDER_H

#include <stdint.h>
#include <sys/file.h>
#include <sys/types.h>

#include "base/error.h"

#define TQ_FOLDER_IN_USE "in-use"
#define TQ_FOLDER_KEEPER "keeper.lock"
#define TQ_FOLDER_SERVER "server.lock"
#define TQ_FOLDER_READY "ready"
#define TQ_FOLDER_LOG "log"
#define TQ_FOLDER_HOME "server"

struct tq_folder {
    char *path; /* absolute, without links; NULL: not open */
    uid_t uid;  /* its owner, and that of the files that are made in it */
    gid_t gid;
};

/* Makes it, and the folders that lead to it, when it is not there. */
TQ_MUST_CHECK bool tq_folder_open(const char *path, struct tq_folder *folder, struct tq_err *err);
void tq_folder_close(struct tq_folder *folder);

/* Opens one of the files, for reading and appending, close-on-exec; makes it when it is missing. */
TQ_MUST_CHECK bool tq_folder_file(const struct tq_folder *folder, const char *name, int *fd,
                                  struct tq_err *err);

/* Takes LOCK_SH or LOCK_EX now, or returns false. */
bool tq_lock_try(int fd, int operation);

/* Takes it as soon as possible. False when the deadline (of tq_clock_us()) passes before: errno is
   EWOULDBLOCK; or when the file cannot be locked at all. */
bool tq_lock_wait(int fd, int operation, int64_t deadline_us);

/* Gives it back. Closing does so too, unless a child has inherited the descriptor. */
void tq_lock_release(int fd);

/* What `ready` says: the server's major version, and the folder of its socket, absolute or seen
   from the folder, which may be moved while the server runs. False when it says nothing, or when it
   cannot be written. */
struct tq_ready {
    int major;
    char socket[128];
};

bool tq_ready_read(int fd, struct tq_ready *ready);
bool tq_ready_write(int fd, const struct tq_ready *ready);

/* Pauses between two looks at a condition that gives no other notice: 2 ms. */
void tq_folder_nap(void);

#endif
