// SPDX-License-Identifier: MIT
//
// The worker: what `taskq worker` runs.
#ifndef TQ_WORKER_WORKER_H
#define TQ_WORKER_WORKER_H

#include "base/error.h"
#include "base/options.h"
#include "worker/janitor.h"

struct tq_worker_options {
    const char *conninfo;        /* "" leaves everything to PG* variables */
    const char *pooler;          /* "session" or "transaction"; NULL: whoever runs it finds out */
    bool is_pooled;              /* it hands out servers by the transaction */
    const char *listen_conninfo; /* pooled: where notifications can be heard; NULL: nowhere */
    /* When the database was lost: starts it again if that is up to us, and says where it is: a
       conninfo, freed by the worker, or NULL with err. Called in other threads, several at once.
       NULL: it is where it was, or will be. */
    char *(*locate)(void *locator, struct tq_err *err);
    void *locator;
    const char *database_text;  /* how people are told which database that is */
    const char *name;           /* worker id as people see it; NULL: host and pid */
    const char *handlers;       /* folder */
    struct tq_texts task_types; /* globs; empty: every type that has a handler */
    struct tq_texts c_modules;  /* that handlers may load */
    int64_t concurrency;
    int64_t threads;             /* 0: min(cores, concurrency) */
    int64_t handler_connections; /* a thread, at most */
    int64_t poll_interval_ms;
    int64_t task_timeout_ms;
    int64_t lock_duration_ms; /* the lease is min(this, 20 s) */
    int64_t stale_check_interval_ms;
    int64_t shutdown_timeout_ms;
    int64_t stuck_after_ms; /* how long a C call may hold a thread */
    int64_t cleanup_interval_ms;
    struct tq_retention retention;
    bool is_until_empty; /* end when nothing of its types is left, future tasks included */
    bool is_until_idle;  /* end when nothing is due */
    bool is_reload_off;  /* handlers are read again at SIGHUP only */
    bool is_watched;     /* `taskq dev`: the log says more, handlers may be wrong, SIGHUP ends it */
};

/* Runs until a signal, or until empty or idle, in the calling thread, which must be the main one.
   Logs what goes wrong. TQ_EXIT_STUCK: the process should start again. */
enum tq_exit tq_worker_run(const struct tq_worker_options *options);

#endif
