// SPDX-License-Identifier: MIT
//
// What the `taskq` Lua module needs from whoever runs the state: a table of functions that the
// executor fills (specs fill it with a fake). The binding knows no thread, no loop and no database.
//
// Operations that wait return a struct tq_wait at once; the binding yields, and when the wait is
// over the host sets is_done (and err, when it failed) and resumes the run. The binding then reads
// the result and calls release. When the run is interrupted or stopped first, the host cancels the
// wait itself and release follows when the run goes on, is stopped or is freed; exactly one release
// a wait. A wait that is done when the function returns it is not waited for: the host must not
// resume the run for it. What a function is given (texts, lists) lives only until it returns: the
// host copies what it keeps.
#ifndef TQ_BINDING_HOST_H
#define TQ_BINDING_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

struct tq_run;

struct tq_wait {
    bool is_done;
    bool is_ok;
    struct tq_err err; /* when done and not ok */
    void (*release)(struct tq_wait *wait);
};

struct tq_letter_mail {
    const char *url;  /* smtp://user:password@host:port or smtps://... */
    const char *from; /* envelope sender, a bare address */
    const char **recipients;
    size_t recipient_count;
    const char *message; /* RFC 5322, CRLF lines */
    size_t message_len;
    int64_t timeout_ms;
};

/* Statements: a handler's own text, or one of the queue's. */
enum tq_statement_kind {
    TQ_STATEMENT_OF_HANDLER,   /* sql */
    TQ_STATEMENT_ENQUEUE,      /* type, payload, priority, max_attempts, due at ms, due in ms */
    TQ_STATEMENT_ENQUEUE_MANY, /* a JSON array of objects with those as keys */
    TQ_STATEMENT_CANCEL,       /* id */
    TQ_STATEMENT_RETRY,        /* id, reset_attempts */
    TQ_STATEMENT_STATS,
};

struct tq_host_query {
    enum tq_statement_kind kind;
    const char *sql;           /* TQ_STATEMENT_OF_HANDLER */
    const char *const *values; /* parameters as texts; NULL: null */
    int count;
    size_t max_bytes; /* of the rows */
};

struct tq_query_wait {
    struct tq_wait wait;   /* first; err has a sqlstate */
    struct tq_table table; /* when done and ok; goes with the wait */
};

/* As struct tq_http_request of net/http.h. */
struct tq_http_call {
    const char *method, *url;
    const char **headers;
    size_t header_count;
    const char *body; /* or NULL */
    size_t body_len;
    const char *ca_file, *proxy; /* or NULL */
    int64_t timeout_ms, connect_timeout_ms;
    int max_redirects;
    size_t max_bytes;
};

/* What fetch() returns; the rest is there when the wait is over and went well. */
struct tq_http_wait {
    struct tq_wait wait; /* first */
    int status;
    const char *url;
    const char *headers, *body; /* not NULL */
    size_t headers_len, body_len;
};

/* A program to run. */
struct tq_spawn_call {
    const char **argv;    /* ends with NULL */
    const char **changes; /* "NAME=value", added to the environment; ends with NULL */
    const char *cwd;      /* or NULL */
    const char *input;    /* NULL: nothing to read */
    size_t input_len;
    bool is_output_kept; /* else it goes to the standard error of the worker */
    int64_t timeout_ms;  /* 0: none */
    size_t max_bytes;    /* of standard output, and of standard error */
};

/* What spawn() returns; the rest is there when the wait is over and went well. */
struct tq_spawn_wait {
    struct tq_wait wait;   /* first; the code of err is an errno */
    int code, signal;      /* signal 0: it ended by itself */
    const char *out, *err; /* not NULL */
    size_t out_len, err_len;
};

/* A program that a handler reads from or writes to while it runs. It belongs to the run, and goes
   with it; a number names it there. */
enum tq_pipe_act {
    TQ_PIPE_READ,  /* done when there are bytes, or when there will be no more */
    TQ_PIPE_WRITE, /* done when the bytes are written */
    TQ_PIPE_CLOSE, /* done when the program has ended; then there is no such pipe any more */
};

struct tq_pipe_wait {
    struct tq_wait wait; /* first; the code of err is an errno */
    const char *bytes;   /* READ; NULL: the end */
    size_t len;
    bool is_taken;    /* set by the binding: the bytes need not come again */
    int code, signal; /* CLOSE; as in struct tq_spawn_wait */
};

enum tq_transaction_state {
    TQ_TRANSACTION_NONE,
    TQ_TRANSACTION_OPEN,
    TQ_TRANSACTION_DONE, /* the task's outcome is written, or the task was lost */
};

struct tq_host {
    void *owner;
    const char *worker_id;
    struct tq_wait *(*sleep)(void *owner, struct tq_run *run, int64_t ms);
    struct tq_wait *(*send_mail)(void *owner, struct tq_run *run,
                                 const struct tq_letter_mail *mail);
    struct tq_query_wait *(*query)(void *owner, struct tq_run *run,
                                   const struct tq_host_query *query);
    struct tq_wait *(*spawn)(void *owner, struct tq_run *run, const struct tq_spawn_call *call);
    /* Starts a command of the shell; its number, or 0 and err with an errno. */
    int64_t (*open_pipe)(void *owner, struct tq_run *run, const char *command, bool is_written,
                         struct tq_err *err);
    struct tq_wait *(*use_pipe)(void *owner, struct tq_run *run, int64_t number,
                                enum tq_pipe_act act, const char *bytes, size_t len);
    struct tq_wait *(*fetch)(void *owner, struct tq_run *run, const struct tq_http_call *call);

    /* The transaction of a run: at most one at a time, and none after one that was committed. While
       it is open, queries join it. begin, commit (with the task's result, JSON or NULL) and
       roll_back wait; after the last two it is over. abandon rolls back without waiting. */
    enum tq_transaction_state (*transaction_state)(void *owner, struct tq_run *run);
    struct tq_wait *(*begin)(void *owner, struct tq_run *run);
    struct tq_wait *(*commit)(void *owner, struct tq_run *run, const char *result);
    struct tq_wait *(*roll_back)(void *owner, struct tq_run *run);
    void (*abandon)(void *owner, struct tq_run *run);

    bool (*is_shutting_down)(void *owner);
    void (*report_progress)(void *owner); /* some run has: see tq_run_take_progress() */
};

struct lua_State;

/* The module: `require "taskq"`. Its host is the one of the script's config. */
int luaopen_taskq(struct lua_State *L);

#endif
