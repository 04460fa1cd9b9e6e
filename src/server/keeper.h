// SPDX-License-Identifier: MIT
//
// The keeper: `taskq keeper FOLDER`, which no person types. tq_private_open() starts it, detached.
// It makes the private PostgreSQL when there is none, starts the server as its child, and stops it,
// and itself, when for 10 s (TASKQ_PRIVATE_LINGER, a duration) nobody has held FOLDER/in-use. It
// never restarts a server that died: the next command starts a new keeper.
#ifndef TQ_SERVER_KEEPER_H
#define TQ_SERVER_KEEPER_H

/* What the keeper inherits beside its log as standard output and error. */
enum {
    TQ_KEEPER_STATUS_FD = 3, /* one struct tq_err goes here: TQ_ERR_NONE when the server is ready */
    TQ_KEEPER_LOCK_FD = 4,   /* FOLDER/keeper.lock, locked */
};

/* The whole process; the caller exits with what it returns. */
int tq_keeper_main(const char *folder);

#endif
